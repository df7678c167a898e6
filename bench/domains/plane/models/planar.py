"""The planar skeleton that the plain and the equivariant convolutional families share.

A family differs from the plain control only in its layers: depth, kernel sizes, pooling, the global average and the
head are the same by construction. Every step keeps the grid's own symmetries exact, for even and odd image sizes:
kernels are odd with equal padding, and pooling is centred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from bench.canonical import Since
from bench.domains.plane.law import Maps
from bench.domains.plane.network import image_network
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, Shape
from bench.groups import FieldType, Group
from bench.networks.counts import counts, with_counts
from bench.networks.network import Network
from bench.registry import Options

SMALLEST_IMAGE = 16

OddKernel = Annotated[int, Field(ge=3, le=15, description="odd, so that the kernel has a centre pixel")]


class PlanarOptions(Options):
    """The skeleton: one convolutional block per entry of ``channels``."""

    channels: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        (1, 1, 2, 2, 3, 3), min_length=1, description="fields per block, in units of the width"
    )
    kernel_sizes: tuple[OddKernel, ...] = Field((5,), description="odd; one per block, or one for all")
    pool_after: tuple[int, ...] = Field((2, 4), description="blocks (counted from 1) after which the size is halved")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of invariant features dropped before the head")
    hidden: int = Field(0, ge=0, description="units of a hidden layer in the head; 0 for none")
    hidden_layers: Annotated[int, Since(2)] = Field(1, ge=1, le=16, description="hidden layers in the head, if any")

    @field_validator("kernel_sizes")
    @classmethod
    def _odd(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size % 2 == 0 for size in sizes):
            raise ValueError("kernel sizes must be odd: an even kernel has no centre pixel to rotate about")
        return sizes

    @model_validator(mode="after")
    def _consistent(self) -> PlanarOptions:
        depth = len(self.channels)
        if self.hidden_layers > 1 and not self.hidden:
            raise ValueError("hidden_layers counts layers of 'hidden' units; give 'hidden' too")
        if len(self.kernel_sizes) not in (1, depth):
            raise ValueError(f"kernel_sizes has {len(self.kernel_sizes)} entries; give 1 or one per block ({depth})")
        if any(not 1 <= block <= depth for block in self.pool_after):
            raise ValueError(f"pool_after names a block outside 1 to {depth}")
        return self

    def counts(self, width: float) -> list[int]:
        """Return how many fields each block has at a width."""
        return counts(self.channels, width)

    def with_counts(self, counts: Sequence[int], width: float) -> PlanarOptions:
        """Return the options with which each block has so many fields at a width."""
        return with_counts(self, counts, width)

    @property
    def kernels(self) -> tuple[int, ...]:
        """The kernel size of each block."""
        return self.kernel_sizes if len(self.kernel_sizes) > 1 else self.kernel_sizes * len(self.channels)


class HalvingPool(nn.Module):
    """Average pooling with stride 2 that is centred on the image: 4 x 4 windows for even sizes, 3 x 3 for odd ones.

    A window that ignored the last row of an odd image would break rotation by 90 degrees (Edixhoven et al. 2023);
    windows that overlap let less through above half the sampling rate, which is what breaks the angles in between.
    """

    def forward(self, features: Tensor) -> Tensor:
        return halved(features, pads_itself=not features.is_cuda)


def halved(features: Tensor, pads_itself: bool) -> Tensor:
    """Return maps (B, C, S, S) pooled to half of their side; ``pads_itself`` leaves the zeros around to torch's kernel.

    CUDA's kernel, left to pad, gives silently wrong gradients of channels-last features (pytorch issue 188344; seen
    with torch 2.11: gradients off by 18 to 44 %).
    """
    is_odd = features.shape[-1] % 2
    if is_odd and pads_itself:
        return F.avg_pool2d(features, 3, stride=2, padding=1, count_include_pad=False)
    padded, padding = (features, 1) if pads_itself else (F.pad(features, (1, 1, 1, 1)), 0)
    if is_odd:
        means = F.avg_pool2d(padded, 3, stride=2, padding=padding)
    else:
        # the mean over 4 x 4 as four means over 2 x 2, which neighbours share; what lies outside counts as zero
        means = F.avg_pool2d(F.avg_pool2d(padded, 2, stride=2, padding=padding), 2, stride=1)
    share = 3 / 2 if is_odd else 4 / 3
    return means * _shares(means.shape[-2], means.shape[-1], share, means.dtype, means.device)


@lru_cache(maxsize=64)
def _shares(rows: int, columns: int, share: float, kind: torch.dtype, device: torch.device) -> Tensor:
    """Return 1, and for windows at an edge, of which a part lies outside, a ``share``: (rows, columns)."""
    down, across = (torch.ones(size, dtype=kind) for size in (rows, columns))
    for ends in (down, across):
        ends[[0, -1]] = share
    return (down[:, None] * across).to(device)


class Head(nn.Module):
    """Global average of invariant maps (B, C, S, S), then a linear classifier with optional hidden layers: (B, K)."""

    def __init__(self, channels: int, classes: int, options: PlanarOptions) -> None:
        super().__init__()
        sizes = [channels, *[options.hidden] * (options.hidden_layers if options.hidden else 0), classes]
        layers: list[nn.Module] = [nn.Dropout(options.dropout)] if options.dropout else []
        for i, (before, after) in enumerate(pairwise(sizes)):
            layers += [nn.BatchNorm1d(before), nn.ReLU()] if i else []
            linear = nn.Linear(before, after)
            nn.init.zeros_(linear.bias)  # else the bias is most of an untrained network's logits, and hides its error
            layers.append(linear)
        self.classify = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classify(features.mean((2, 3)))
        return logits


def planar_network(
    group: Group,
    shape: Shape,
    options: PlanarOptions,
    width: float,
    fields: Callable[[int], FieldType],
    block: Callable[[FieldType, FieldType, int], nn.Module],
    invariants: Callable[[FieldType], tuple[nn.Module, int]],
) -> Network:
    """Assemble a network of a family's own layers.

    ``fields(n)`` is the type of n fields, ``block(in, out, kernel_size)`` convolution, normalisation and nonlinearity,
    ``invariants(type)`` the map to scalar fields and how many they are. Raises Impossible for too small an image.
    """
    if shape.size < SMALLEST_IMAGE:
        raise Impossible(f"images of {shape.size} pixels are too small; the least is {SMALLEST_IMAGE}")
    current = FieldType.scalars(group, shape.channels)
    stages: dict[str, tuple[nn.Module, Law]] = {}
    for i, (count, kernel) in enumerate(zip(counts(options.channels, width), options.kernels, strict=True), start=1):
        following = fields(count)
        module = block(current, following, kernel)
        if i in options.pool_after:
            module = nn.Sequential(module, HalvingPool())
        stages[f"block{i}"] = (module, Maps(following, shape.size))
        current = following
    to_scalars, count = invariants(current)
    stages["invariants"] = (to_scalars, Maps(FieldType.scalars(group, count), shape.size))
    stages["output"] = (Head(count, shape.outputs, options), INVARIANT)
    return image_network(group, stages)
