"""E(2)-steerable CNNs (Weiler & Cesa 2019): kernels solved for any group and field type.

What differs from the paper's networks: the skeleton, which is the one that all planar families share (equal padding,
pooling by overlapping means, a global mean before the head; theirs pool by maxima and leave the last layer unpadded),
and a ReLU where theirs have an ELU (``nonlinearity: elu``). Theirs are in ``e2_benchmark``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from torch import nn

from bench.domains.plane.layers import (
    FieldBatchNorm,
    FieldNorms,
    FieldPool,
    GatedNonlinearity,
    NormNonlinearity,
    PointwiseNonlinearity,
    SteerableConv,
)
from bench.domains.plane.models.planar import SMALLEST_IMAGE, PlanarOptions, planar_network
from bench.errors import Impossible
from bench.geometry import Shape
from bench.groups import FieldType, Group, Representation, induced, irreps, quotient, regular
from bench.networks.network import Network
from bench.registry import families


class SteerableOptions(PlanarOptions):
    """Group, field type and nonlinearity of the hidden layers."""

    group: str = Field("C8", description="C1, C2, ..., D1, D2, ..., SO(2) or O(2)")
    fields: Literal["regular", "quotient", "irreps", "induced"] = Field("regular", description="type of a hidden field")
    subgroup: str | None = Field(None, description="of quotient fields alone, by default C2")
    max_frequency: int | None = Field(
        None, ge=0, le=8, description="highest irrep of irreps and induced fields alone, by default 2"
    )
    nonlinearity: Literal["auto", "pointwise", "elu", "norm", "gated"] = Field(
        "auto", description="auto: pointwise, a ReLU, for regular and quotient fields, gated for the others"
    )

    @field_validator("group", "subgroup")
    @classmethod
    def _known(cls, group: str | None) -> str | None:
        return None if group is None else str(Group.parse(group))

    @model_validator(mode="after")
    def _possible(self) -> SteerableOptions:
        permuted = self.fields in ("regular", "quotient")
        accepted = ("auto", "pointwise", "elu") if permuted else ("auto", "norm", "gated")
        if self.nonlinearity not in accepted:
            raise ValueError(
                f"{self.fields} fields do not go with the nonlinearity '{self.nonlinearity}'; "
                f"accepted: {', '.join(accepted)}"
            )
        for option, kinds in (("subgroup", ("quotient",)), ("max_frequency", ("irreps", "induced"))):
            if getattr(self, option) is not None and self.fields not in kinds:
                raise ValueError(f"{self.fields} fields have no {option}; it goes with {' and '.join(kinds)} fields")
        return self

    @property
    def highest(self) -> int:
        """The highest frequency of irreps and induced fields."""
        return 2 if self.max_frequency is None else self.max_frequency


def field_representations(options: SteerableOptions) -> tuple[Representation, ...]:
    """Return the representations that make up one hidden field; Impossible where the group has none of that kind."""
    group = Group.parse(options.group)
    if options.fields == "regular":
        return (regular(group),)
    if options.fields == "quotient":
        return (quotient(group, Group.parse(options.subgroup or "C2")),)
    if options.fields == "irreps":
        return tuple(irreps(group, options.highest))
    if not group.mirrors:
        raise Impossible(f"induced fields need a group with mirrors, such as D4 or O(2); {group} has none")
    rotations = Group(group.rotations)
    return tuple(induced(group, rotations, psi) for psi in irreps(rotations, options.highest))


KINDS: list[dict[str, Any]] = [
    {"group": "C8"},
    {"group": "D4"},
    {"group": "C8", "fields": "quotient", "subgroup": "C2"},
    {"group": "SO(2)", "fields": "irreps"},
    {"group": "O(2)", "fields": "irreps", "nonlinearity": "norm"},
    {"group": "O(2)", "fields": "induced", "max_frequency": 1},
]


@families.register("steerable", options=SteerableOptions, version=2, kinds=KINDS, exact=True, least=SMALLEST_IMAGE)
def build(options: SteerableOptions, shape: Shape, width: float) -> Network:
    """E(2)-steerable CNN: C_N, D_N, SO(2), O(2) with regular, quotient, irreps or induced fields."""
    representations = field_representations(options)
    pointwise = options.fields in ("regular", "quotient")

    def block(before: FieldType, after: FieldType, kernel_size: int) -> nn.Module:
        gated = not pointwise and options.nonlinearity != "norm"
        convolved = GatedNonlinearity.with_gates(after) if gated else after
        if pointwise:
            nonlinearity: nn.Module = nn.ELU(inplace=True) if options.nonlinearity == "elu" else PointwiseNonlinearity()
        else:
            nonlinearity = GatedNonlinearity(after) if gated else NormNonlinearity(after)
        convolution = SteerableConv(before, convolved, kernel_size)
        return nn.Sequential(convolution, FieldBatchNorm(convolved), nonlinearity)

    def invariants(last: FieldType) -> tuple[nn.Module, int]:
        return (FieldPool if pointwise else FieldNorms)(last), sum(count for _, count in last.fields)

    return planar_network(
        Group.parse(options.group),
        shape,
        options,
        width,
        fields=lambda count: FieldType(tuple((rho, count) for rho in representations)),
        block=block,
        invariants=invariants,
    )
