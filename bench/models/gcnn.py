"""Group-equivariant CNNs (Cohen & Welling 2016): one filter, transformed by every element of the group."""

from __future__ import annotations

from pydantic import Field, field_validator
from torch import nn

from bench.errors import UserError
from bench.groups import FieldType, Group, regular
from bench.kernels import group_basis
from bench.layers import FieldBatchNorm, FieldPool, PointwiseNonlinearity, SteerableConv
from bench.models.network import Network, Shape
from bench.models.planar import OddKernel, PlanarOptions, planar_network
from bench.registry import families


class GcnnOptions(PlanarOptions):
    """The group: C4 is the paper's p4 and D4 its p4m, exact by index; other C_N and D_N interpolate the filter."""

    group: str = Field("C4", description="C1, C2, ... or D1, D2, ...; C4 (p4) and D4 (p4m) are exact")
    kernel_sizes: tuple[OddKernel, ...] = Field((3,), description="odd; one per block, or one for all")

    @field_validator("group")
    @classmethod
    def _finite(cls, name: str) -> str:
        group = Group.parse(name)
        if not group.is_finite:
            raise UserError("a group convolution needs a finite group; accepted: C1, C2, ..., D1, D2, ...")
        return str(group)


@families.register("gcnn", options=GcnnOptions, version=2)
def build(options: GcnnOptions, shape: Shape, width: float) -> Network:
    """Group-equivariant CNN: p4 and p4m by index, C_N and D_N by interpolated filters."""
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
