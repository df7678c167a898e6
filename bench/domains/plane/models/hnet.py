"""Harmonic Networks (Worrall et al. 2017): complex features by rotation order, circular-harmonic filters.

A feature of order m turns by the phase exp(i m a) when the image turns by a. A filter of order k = m_out - m_in,
W_k(r, phi) = R(r) exp(i (k phi + beta)), leads from order m_in to order m_out; the radial profile R and the phase beta
are learned for each pair of channels. One filter of order k serves all pairs of orders that differ by k; filters of
order k and -k are learned apart, where the released code has parameters for both and uses the conjugate of the first.
Features are stored as real channels: a complex feature of order m >= 1 is one field of the irrep m of SO(2), its real
and imaginary parts being the components; one of order 0 is two trivial fields.

What else differs from the released code: the rings of its 5 x 5 filters end at 3.5 pixels, in the corners, where ours
end at 2 (``outer_radius``), because the few pixels in the corners are no ring. Trained on 1,000 upright digits, its
filters have 70.7 % of the rotated ones right at 16 pixels and 81.8 % at 28, ours 90.7 and 89.4 % (upright 92.9 and 94.6
against 92.8 and 89.8 %; 180 steps, three seeds; results/six-families/README.md has the command). It pools by means over
2 x 2, sums over the orders, and draws the biases of the C-ReLU at random. Orders above 2 are not offered: a ring of few
pixels does not carry them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor, nn

from bench.domains.plane.law import Maps
from bench.domains.plane.layers import ExpandedConv, FieldRun
from bench.domains.plane.models.planar import SMALLEST_IMAGE, HalvingPool, OddKernel
from bench.domains.plane.network import image_network
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, Shape
from bench.groups import FieldType, Group, irrep, trivial
from bench.networks.counts import counts
from bench.networks.network import Network
from bench.registry import Options, families

ROTATIONS = Group.parse("SO(2)")

# Keeps a magnitude and its gradient finite at zero; the released code's value.
_EPS = 1e-4


class HnetOptions(Options):
    """The blocks before the layer that gives one map per class; the defaults are the paper's."""

    channels: tuple[PositiveFloat, ...] = Field(
        (1, 1, 2, 2, 4, 4), min_length=1, description="complex features of each order per block, in units of the width"
    )
    kernel_size: OddKernel = 5
    rings: int = Field(4, ge=1, le=16, description="radii at which a filter's radial profile is learned")
    outer_radius: float | None = Field(
        None,
        gt=0,
        le=16,
        description="of the last ring in pixels; by default half of the kernel, 3.5 in the released code",
    )
    max_order: int = Field(1, ge=0, le=2, description="highest rotation order of a feature")
    pool_after: tuple[int, ...] = Field((2, 4), description="blocks (counted from 1) after which the size is halved")

    @model_validator(mode="after")
    def _consistent(self) -> HnetOptions:
        if self.kernel_size % 2 == 0:
            raise ValueError("kernel_size must be odd: an even kernel has no centre pixel to rotate about")
        half = self.kernel_size // 2
        distances = (half + 1) * (half + 2) // 2 - 1
        if self.rings > distances:
            raise ValueError(
                f"rings must be at most {distances}, the distances from the centre of a kernel of this size"
            )
        if self.outer_radius is not None and self.outer_radius > self.kernel_size:
            raise ValueError(
                f"outer_radius must be at most kernel_size, {self.kernel_size}: no pixel sees a ring beyond"
            )
        if any(not 1 <= block <= len(self.channels) for block in self.pool_after):
            raise ValueError(f"pool_after names a block outside 1 to {len(self.channels)}")
        return self


@dataclass(frozen=True)
class Streams:
    """``count`` features of every order 0, ..., orders - 1; ``components`` is 1 for an image, which is real, else 2."""

    count: int
    orders: int
    components: int = 2

    @property
    def channels(self) -> int:
        return self.count * self.orders * self.components

    @property
    def fields(self) -> FieldType:
        scalars = (trivial(ROTATIONS), self.count * self.components)
        return FieldType((scalars, *((irrep(ROTATIONS, order), self.count) for order in range(1, self.orders))))


def harmonics(order: int, rings: int, kernel_size: int, outer_radius: float | None = None) -> np.ndarray:
    """Return the circular harmonics (rings, k, k), complex: Gaussian rings times exp(i order phi), of norm 1.

    The radii are evenly spaced up to ``outer_radius`` in pixels, by default half the kernel, so that every ring lies in
    it; those of order 0 start at the centre, where no other order has a value. Row 0 is the top (y grows upwards).
    """
    half = kernel_size // 2
    x, y = np.meshgrid(np.arange(-half, half + 1), np.arange(half, -half - 1, -1))
    distance = np.hypot(x, y)
    radii = np.linspace(0 if order == 0 else min(1, half / 2), outer_radius or half, rings)
    width = 0.5
    profiles = np.exp(-((distance - radii[:, None, None]) ** 2) / (2 * width**2))
    waves = profiles * np.exp(1j * order * np.arctan2(y, x))
    if order:
        waves[:, half, half] = 0
    waves /= np.sqrt((np.abs(waves) ** 2).sum((1, 2), keepdims=True))
    return waves


class HarmonicConv(ExpandedConv):
    """Harmonic convolution (B, before.channels, S, S) to (B, after.channels, S, S), as one real convolution.

    With ``phases`` every filter has a phase beta of its own.
    """

    basis: Tensor
    filter_of: Tensor
    decayed = ("radial",)  # a phase is an angle: nothing is simpler about zero

    def __init__(
        self,
        before: Streams,
        after: Streams,
        kernel_size: int,
        rings: int,
        phases: bool = True,
        outer_radius: float | None = None,
    ) -> None:
        super().__init__(padding=kernel_size // 2)
        self.before, self.after, self.kernel_size = before, after, kernel_size
        orders = range(1 - before.orders, after.orders)
        pairs = (len(orders), after.count, before.count)
        fan_in = before.orders * before.count * rings
        self.radial = nn.Parameter(torch.randn(*pairs, rings) * fan_in**-0.5)
        self.phases = nn.Parameter(torch.rand(pairs) * (2 * torch.pi)) if phases else None
        waves = [harmonics(order, rings, kernel_size, outer_radius) for order in orders]
        basis = np.stack([self._real_blocks(each, phases) for each in waves])
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32), persistent=False)
        filters = [[out - into - orders[0] for into in range(before.orders)] for out in range(after.orders)]
        self.register_buffer("filter_of", torch.tensor(filters), persistent=False)

    def _real_blocks(self, waves: np.ndarray, phases: bool) -> np.ndarray:
        """Return waves, and i times them for phases, as real 2 x components blocks: (rings, 2 * components * k * k)."""
        if phases:
            waves = np.concatenate([waves, 1j * waves])
        blocks = np.stack([np.stack([waves.real, -waves.imag], 1), np.stack([waves.imag, waves.real], 1)], 1)
        return blocks[:, :, : self.before.components].reshape(len(waves), -1)

    def kernel(self) -> Tensor:
        """Return the expanded kernel (after.channels, before.channels, k, k)."""
        coefficients: Tensor = self.radial
        if self.phases is not None:
            turned = self.phases[..., None]
            coefficients = torch.cat([coefficients * turned.cos(), coefficients * turned.sin()], -1)
        before, after, k = self.before, self.after, self.kernel_size
        filters = torch.bmm(coefficients.flatten(1, 2), self.basis)
        blocks = filters[self.filter_of]  # (out orders, in orders, out * in, 2 * components * k * k)
        blocks = blocks.view(after.orders, before.orders, after.count, before.count, 2, before.components, k, k)
        kernel = blocks.permute(0, 2, 4, 6, 7, 1, 3, 5).reshape(after.channels, k, k, before.channels)
        return kernel.permute(0, 3, 1, 2)  # channels-last in memory


class Magnitudes(nn.Module):
    """The magnitude of every complex feature, which no rotation changes: (B, 2 n, S, S) to (B, n, S, S)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.pairs = FieldRun([2] * count, has_norms=True)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sqrt(self.pairs.sums(features * features) + _EPS)


class MagnitudeBias(nn.Module):
    """A learned constant per magnitude, the b of the paper's C-ReLU."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, sizes: Tensor) -> Tensor:
        return sizes + self.bias.to(sizes.dtype)[:, None, None]


class MagnitudeReLU(nn.Module):
    """C-ReLU: z becomes relu(f(|z|)) z / |z|, where f adds a bias or is a batch normalisation."""

    def __init__(self, count: int, change: nn.Module) -> None:
        super().__init__()
        self.magnitudes = Magnitudes(count)
        self.change = change

    def forward(self, features: Tensor) -> Tensor:
        sizes = self.magnitudes(features)
        return features * self.magnitudes.pairs.spread(torch.relu(self.change(sizes)) / sizes)


class ClassMeans(nn.Module):
    """Average the magnitudes (B, orders * K, S, S) of the class maps over the image and the orders; add a bias."""

    def __init__(self, classes: Streams) -> None:
        super().__init__()
        self.orders = classes.orders
        self.bias = nn.Parameter(torch.zeros(classes.count))

    def forward(self, features: Tensor) -> Tensor:
        means: Tensor = features.mean((2, 3)).unflatten(1, (self.orders, -1)).mean(1)
        return means + self.bias


@families.register("hnet", options=HnetOptions, version=2, exact=True, least=SMALLEST_IMAGE)
def build(options: HnetOptions, shape: Shape, width: float) -> Network:
    """Harmonic Network (Worrall et al. 2017): rotation orders 0 to max_order; width 8 is the published network.

    At width 8 on grey images its convolutions have 33,680 parameters. The released code has 33,720: 3 orders x 4 rings
    for each of 2,312 pairs of channels, and 3 phases for each but those of the last layer. Its first layer also holds
    filters of order -1, which lead to no output: 8 x (4 + 1) = 40 parameters. Beside them both have 346 biases and
    normalisation parameters, so that this network has 34,026 in all.
    """
    if shape.size < SMALLEST_IMAGE:
        raise Impossible(f"images of {shape.size} pixels are too small; the least is {SMALLEST_IMAGE}")
    orders = options.max_order + 1
    stages: dict[str, tuple[nn.Module, Law]] = {}
    current = Streams(shape.channels, 1, components=1)
    for i, count in enumerate(counts(options.channels, width), start=1):
        following = Streams(count, orders)
        # as in the released network, every second block is normalised
        change = MagnitudeBias(count * orders) if i % 2 else nn.BatchNorm2d(count * orders)
        convolution = HarmonicConv(
            current, following, options.kernel_size, options.rings, outer_radius=options.outer_radius
        )
        modules: list[nn.Module] = [convolution, MagnitudeReLU(count * orders, change)]
        if i in options.pool_after:
            modules.append(HalvingPool())
        stages[f"block{i}"] = (nn.Sequential(*modules), Maps(following.fields, shape.size))
        current = following
    classes = Streams(shape.outputs, orders)
    stages["classes"] = (
        HarmonicConv(current, classes, options.kernel_size, options.rings, False, options.outer_radius),
        Maps(classes.fields, shape.size),
    )
    scalars = FieldType.scalars(ROTATIONS, classes.count * classes.orders)
    stages["invariants"] = (Magnitudes(scalars.channels), Maps(scalars, shape.size))
    stages["output"] = (ClassMeans(classes), INVARIANT)
    return image_network(ROTATIONS, stages)
