"""Group-equivariant CNNs (Cohen & Welling 2016): one filter, transformed by every element of the group.

What differs from the paper's networks: the skeleton, which is the one that all planar families share (padding, pooling
by overlapping means), so that families differ in their layers alone. The paper's own are in `p4cnn`.
"""

from __future__ import annotations

from pydantic import Field, field_validator
from torch import nn

from bench.domains.plane.kernels import group_basis
from bench.domains.plane.layers import FieldBatchNorm, FieldPool, PointwiseNonlinearity, SteerableConv
from bench.domains.plane.models.planar import SMALLEST_IMAGE, OddKernel, PlanarOptions, planar_network
from bench.errors import UserError
from bench.geometry import Shape
from bench.groups import FieldType, Group, regular
from bench.networks.network import Network
from bench.registry import families


class GcnnOptions(PlanarOptions):
    """The group: C4 is the paper's p4 and D4 its p4m; the others are the subgroups of p4m."""

    group: str = Field("C4", description="C1, C2, C4 (p4), D1, D2 or D4 (p4m), which permute pixels")
    kernel_sizes: tuple[OddKernel, ...] = Field((3,), description="odd; one per block, or one for all")

    @field_validator("group")
    @classmethod
    def _on_grid(cls, name: str) -> str:
        group = Group.parse(name)
        if not group.keeps_grid:
            raise UserError(
                f"{group} turns filters by angles off the pixel grid, which a small filter does not survive; accepted: "
                "C1, C2, C4, D1, D2, D4; the family steerable has the other groups"
            )
        return str(group)


KINDS = [{"group": "C4"}, {"group": "D4"}]


@families.register("gcnn", options=GcnnOptions, version=2, kinds=KINDS, exact=True, least=SMALLEST_IMAGE)
def build(options: GcnnOptions, shape: Shape, width: float) -> Network:
    """Group-equivariant CNN: p4, p4m and their subgroups, filters transformed by index."""
    rho = regular(Group.parse(options.group))

    def block(before: FieldType, after: FieldType, kernel_size: int) -> nn.Module:
        convolution = SteerableConv(before, after, kernel_size, basis=group_basis)
        return nn.Sequential(convolution, FieldBatchNorm(after), PointwiseNonlinearity())

    return planar_network(
        rho.group,
        shape,
        options,
        width,
        fields=lambda count: FieldType(((rho, count),)),
        block=block,
        invariants=lambda last: (FieldPool(last), last.fields[0][1]),
    )
