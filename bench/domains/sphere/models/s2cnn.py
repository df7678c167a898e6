"""Spherical CNNs (Cohen et al. 2018), with masks as in Gerken et al. 2022."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator
from torch import nn

from bench.domains.sphere.law import RotationSpectra, Signals
from bench.domains.sphere.layers.blocks import Kernel, RotationBlock, ToSphere, grid_of
from bench.domains.sphere.layers.kernels import FullKernel, LocalKernel, ring_points
from bench.domains.sphere.rotations import RotationGroup
from bench.domains.sphere.shape import bandwidth_of
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, Shape
from bench.networks.counts import counts, with_counts
from bench.networks.network import Network
from bench.registry import Options, families

#: The integrals on which classes rest ask for a finer grid than the lower degrees of a rectified function do: at a band
#: limit of 10 they change under rotations by 0.33 % on a grid of 10, by 0.08 % on one of 16.
INTEGRAL_OVERSAMPLING = 1.5

Share = Annotated[float, Field(gt=0, le=1)]


class S2cnnOptions(Options):
    """Correlations on SO(3), one block per entry of ``channels``; the width is the channels of one unit."""

    channels: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        (1, 1.5, 2), min_length=1, description="channels per block, in units of the width"
    )
    bands: tuple[Share, ...] | None = Field(
        None,
        description="band limit of each block, as a share of the input's; by default falling to a half, and for "
        "masks rising again",
    )
    kernel: Literal["local", "full"] = Field("local", description="points near the identity, or every coefficient")
    rings: int = Field(1, ge=1, le=6, description="circles of a local kernel around its centre")
    angles: int = Field(6, ge=3, le=32, description="points of a circle")
    orientations: int = Field(6, ge=2, le=32, description="turns about itself of each point, on SO(3)")
    reach: float | None = Field(
        None, gt=0, le=180, description="degrees to the outermost circle; by default a wavelength of the band limit's"
    )
    oversampling: float = Field(
        1.0, ge=1, le=4, description="how much finer than its band limit the grid of a block's rectifier is"
    )

    @model_validator(mode="after")
    def _consistent(self) -> S2cnnOptions:
        if self.bands is not None and len(self.bands) != len(self.channels):
            raise ValueError(f"bands has {len(self.bands)} entries; give one per block ({len(self.channels)})")
        of_local = ("rings", "angles", "orientations", "reach")
        given = [name for name in of_local if getattr(self, name) != type(self).model_fields[name].default]
        if self.kernel == "full" and given:
            raise ValueError(f"{given[0]} is of local kernels; kernel: full has every coefficient")
        return self

    def counts(self, width: float) -> list[int]:
        """Return how many channels each block has at a width."""
        return counts(self.channels, width)

    def with_counts(self, fields: Sequence[int], width: float) -> S2cnnOptions:
        """Return the options with which each block has so many channels at a width."""
        return with_counts(self, fields, width)

    def band_limits(self, bandwidth: int, masks: bool) -> list[int]:
        """Return the band limit of each block, of whose rectified functions no higher degree is kept."""
        depth = len(self.channels)
        shares = self.bands or [1 - 0.5 * _fall(i, depth, masks) for i in range(depth)]
        return [max(2, round(share * bandwidth)) for share in shares]


def _fall(block: int, depth: int, masks: bool) -> float:
    """Return how far the band limit has fallen at a block: 0 to 1 at the last, or at the middle one for masks."""
    if depth == 1:
        return 0.0
    way = block / (depth - 1)
    return 1 - abs(2 * way - 1) if masks else way


@families.register(
    "s2cnn",
    options=S2cnnOptions,
    version=2,
    domains={"sphere"},
    tasks={"classification", "segmentation"},
    kinds=({}, {"kernel": "full"}, {"oversampling": 2.0}),
    exact=True,
)
def build(options: S2cnnOptions, shape: Shape, width: float) -> Network:
    """Spherical CNN (Cohen et al. 2018): correlations on SO(3) in the spectrum, equivariant to every rotation.

    Exact for turns about the poles by steps of the grid, and in its correlations for all rotations; the rectifier,
    which acts on a grid, makes degrees beyond its band limit, of which ``oversampling`` mistakes fewer for others.
    Differences from the released code: batch normalisation of spectra, by quadrature, where it has one over points or
    none; no point of a kernel comes twice, and one is in its centre; a finer grid under the integral of the last block;
    a correlation of its own brings masks back to
    the sphere, where the code sums one over n. Band limits fall (and for masks rise again), as the published ones.
    Of the published network of 204k parameters the points are inferred from that number: 3 rings, 8 angles, 8 turns.
    """
    bandwidth, masks = bandwidth_of(shape), shape.task == "segmentation"
    limits, widths = options.band_limits(bandwidth, masks), options.counts(width)
    if bandwidth < 4:
        raise Impossible(f"functions of bandwidth {bandwidth} are too coarse; the least is 4")
    stages: dict[str, tuple[nn.Module, Law]] = {}
    before, given = shape.channels, bandwidth
    for i, (count, limit) in enumerate(zip(widths, limits, strict=True), start=1):
        following = limits[i] if i < len(limits) else bandwidth if masks else 0
        # degrees that the block before did not hand on are not there: the rectifier on a finer grid makes them anew
        degrees, keep = min(given, limit), min(limit, following)
        kernel = _kernel(options, before, count, degrees, on_rotations=i > 1)
        oversampling = options.oversampling if keep else max(options.oversampling, INTEGRAL_OVERSAMPLING)
        block = RotationBlock(kernel, count, degrees, grid_of(limit, oversampling), keep)
        stages[f"block{i}"] = (block, RotationSpectra() if keep else INVARIANT)
        before, given = count, keep
    if masks:
        to_masks = _kernel(options, before, shape.outputs, given, on_rotations=False)
        stages["output"] = (ToSphere(to_masks, shape.outputs, given, bandwidth), Signals())
    else:
        head = nn.Linear(before, shape.outputs)
        nn.init.zeros_(head.bias)
        stages["output"] = (head, INVARIANT)
    return Network(RotationGroup("SO(3)"), stages, Signals())


def _kernel(options: S2cnnOptions, before: int, after: int, degrees: int, on_rotations: bool) -> Kernel:
    if options.kernel == "full":
        return FullKernel(before, after, degrees, on_rotations)
    reach = options.reach or min(180.0, 180.0 / degrees * options.rings)
    points = ring_points(options.rings, options.angles, reach, options.orientations if on_rotations else 0)
    return LocalKernel(before, after, degrees, points)
