"""Equivariant Wide ResNets (Weiler & Cesa 2019, section 3.4): regular fields, and ever smaller groups.

The first third of the blocks is equivariant to ``groups[0]``, the second to ``groups[1]`` and the last to
``groups[2]``: a symmetry of small patterns need not be one of whole images. The last block gives scalar fields. Widths
are those of the plain network that it stands for: as many regular fields as make its parameters, or its channels
(``equal``). What differs from the released code: strides (`residual`); kernels, which are those of `steerable`; and
that fields are counted by the dimension of those kernels, where the code has one for every sqrt|G| channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from bench.domains.plane.kernels import kernel_basis
from bench.domains.plane.layers import FieldBatchNorm, PointwiseNonlinearity, SteerableConv
from bench.domains.plane.models.planar import SMALLEST_IMAGE
from bench.domains.plane.models.residual import Layers, PreactivatedBlock, ResidualOptions, residual_network
from bench.geometry import Shape
from bench.groups import FieldType, Group, regular
from bench.networks.counts import counts
from bench.networks.network import Network
from bench.registry import families


class E2wrnOptions(ResidualOptions):
    """The groups of the three thirds of the blocks, and in what it equals its plain twin."""

    groups: tuple[str, str, str] = Field(("D8", "D4", "D1"), description="of each third of the blocks, falling")
    equal: Literal["parameters", "channels"] = Field(
        "parameters", description="what it has as many of, nearly, as `wrn` of the same width"
    )

    @field_validator("groups")
    @classmethod
    def _known(cls, names: tuple[str, str, str]) -> tuple[str, str, str]:
        first, second, third = (str(Group.parse(name)) for name in names)
        return first, second, third

    @model_validator(mode="after")
    def _falling(self) -> E2wrnOptions:
        for larger, smaller in zip(self.groups, self.groups[1:], strict=False):
            group, subgroup = Group.parse(larger), Group.parse(smaller)
            if not group.is_finite or not subgroup.is_finite or not set(subgroup.elements) <= set(group.elements):
                raise ValueError(
                    f"{smaller} is no subgroup of {larger}; accepted are finite groups that fall, as D8, D4, D1"
                )
        return self

    def shares(self) -> list[float]:
        """Return how many regular fields stand for one channel of the plain twin, for each block."""
        return [self.share(self.group_of(block)) for block in range(len(self.channels))]

    def share(self, group: Group) -> float:
        """Return how many regular fields of a group stand for one channel of the plain twin."""
        rho = regular(group)
        if self.equal == "channels":
            return 1 / rho.size
        # a pair of fields has as many parameters as its space has dimensions, one of plain channels 3 x 3
        return math.sqrt(9 / len(kernel_basis(rho, rho, kernel_of(group))))

    def group_of(self, block: int) -> Group:
        """Return the group of a block, counted from 0."""
        return Group.parse(self.groups[min(2, 3 * block // len(self.channels))])

    def counts(self, width: float) -> list[int]:
        """Return how many regular fields each block has at a width."""
        return counts([a * b for a, b in zip(self.channels, self.shares(), strict=True)], width)

    def with_counts(self, fields: Sequence[int], width: float) -> E2wrnOptions:
        """Return the options with which each block has so many fields at a width."""
        channels = (count / share / width for count, share in zip(fields, self.shares(), strict=True))
        return self.model_copy(update={"channels": tuple(channels)})


def kernel_of(group: Group) -> int:
    """Return the size of kernels: one of 3 x 3 holds too little of the turns of C8 and up."""
    return 3 if group.keeps_grid else 5


KINDS: list[dict[str, Any]] = [{}, {"groups": ("C8", "C4", "C1")}, {"groups": ("C4", "C4", "C4"), "equal": "channels"}]


@families.register("e2wrn", options=E2wrnOptions, version=1, kinds=KINDS, exact=False, least=SMALLEST_IMAGE)
def build(options: E2wrnOptions, shape: Shape, width: float) -> Network:
    """Equivariant Wide ResNet: regular fields of C_N or D_N, restricted to subgroups on the way."""
    groups = [options.group_of(block) for block in range(len(options.channels))]
    numbers = options.counts(width)
    fields = [FieldType(((regular(group), count),)) for group, count in zip(groups, numbers, strict=True)]
    # the last block's scalars are the channels that its fields stand for
    scalars = FieldType.scalars(groups[-1], max(1, round(numbers[-1] / options.shares()[-1])))
    stem = FieldType(((regular(groups[0]), max(1, round(options.stem * width * options.share(groups[0])))),))
    return residual_network(
        shape,
        options,
        PreactivatedBlock,
        Layers(SteerableConv, FieldBatchNorm, PointwiseNonlinearity),
        stem,
        [*fields[:-1], scalars],
        {group: kernel_of(group) for group in groups},
    )
