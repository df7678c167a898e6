"""The peer: the same steerable architecture through the library e2cnn (Weiler & Cesa 2019)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from bench.domains.plane.models.e2cnn_compat import forget_bases, load_e2cnn, slices_on_host
from bench.domains.plane.models.planar import SMALLEST_IMAGE, PlanarOptions, planar_network
from bench.geometry import Shape
from bench.groups import Element, FieldType, Group, Representation, regular
from bench.networks.network import Network
from bench.registry import families


class E2cnnOptions(PlanarOptions):
    """Group and field type of the hidden layers, as of the family steerable."""

    group: str = Field("C8", description="C1, C2, ..., D1, D2, ..., SO(2) or O(2)")
    fields: Literal["regular", "irreps"] = Field("regular", description="type of a hidden field")
    max_frequency: int = Field(2, ge=0, le=8, description="highest irrep of irreps fields")

    @field_validator("group")
    @classmethod
    def _known(cls, group: str) -> str:
        return str(Group.parse(group))


def gspace(group: Group, max_frequency: int) -> Any:
    """Return e2cnn's space of a planar group; the mirror flips left and right in both libraries."""
    spaces = load_e2cnn().gspaces
    limit = {} if group.is_finite else {"maximum_frequency": max_frequency}
    kind = spaces.FlipRot2dOnR2 if group.mirrors else spaces.Rot2dOnR2
    return kind(group.rotations or -1, **limit)


def e2cnn_element(group: Group, g: Element) -> Any:
    """Return e2cnn's name of an element: steps or radians of rotation, after a leading 1 or 0 for the mirror."""
    rotation = g.radians if group.rotations is None else int(g.turn * group.rotations)
    return (int(g.mirror), rotation) if group.mirrors else rotation


def representation(group: Group, rho: Any) -> Representation:
    """Return e2cnn's representation as one of ours, with the same matrices."""
    permutes = rho.is_trivial() or rho.name == "regular"
    top = max(rho.group.irreps[name].attributes["frequency"] for name in rho.irreps)

    def matrix(g: Element) -> np.ndarray:
        return np.asarray(rho(e2cnn_element(group, g)))

    return Representation(group, f"e2cnn {rho.name}", rho.size, top, permutes, matrix)


class Wrapped(nn.Module):
    """Modules of e2cnn in sequence, from tensor to tensor."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(modules)
        for module in self.modules():
            slices_on_host(module)
            # which parameters are weights, e2cnn's shapes do not tell
            setattr(module, "decayed", ("weights",) if isinstance(module, load_e2cnn().nn.R2Conv) else ())  # noqa: B010

    @torch.no_grad()
    def train(self, mode: bool = True) -> Wrapped:
        """Switch mode; the kernels that e2cnn expands for evaluation are values, not part of a graph."""
        return super().train(mode)

    def plain(self) -> nn.Sequential:
        """Return the layers with e2cnn's convolution as an ordinary one, its normalisation too where e2cnn has one."""
        e2nn = load_e2cnn().nn
        exported: list[nn.Module] = []
        left: list[Any] = list(self.layers)
        while left and isinstance(left[0], (e2nn.R2Conv, e2nn.InnerBatchNorm)):
            exported.append(left.pop(0).eval().export())
        return nn.Sequential(*exported, *([Wrapped(*left)] if left else []))

    def forward(self, features: Tensor) -> Tensor:
        current = load_e2cnn().nn.GeometricTensor(features, self.layers[0].in_type)
        for layer in self.layers:
            current = layer(current)
        tensor: Tensor = current.tensor
        return tensor


KINDS = [{"group": "C8"}, {"group": "SO(2)", "fields": "irreps"}]


@families.register("e2cnn", options=E2cnnOptions, version=2, kinds=KINDS, exact=True, least=SMALLEST_IMAGE)
def build(options: E2cnnOptions, shape: Shape, width: float) -> Network:
    """The steerable architecture through the library e2cnn, as a peer to compare with."""
    group = Group.parse(options.group)
    if options.fields == "regular":
        regular(group)  # says why where the group has none
    forget_bases()
    e2nn, space = load_e2cnn().nn, gspace(group, options.max_frequency)
    scalar = space.trivial_repr
    others = [
        rho
        for rho in space.irreps.values()
        if rho.attributes["frequency"] <= options.max_frequency and not rho.is_trivial()
    ]
    kinds = [space.regular_repr] if options.fields == "regular" else [scalar, *others]
    types: dict[FieldType, Any] = {
        FieldType.scalars(group, shape.channels): e2nn.FieldType(space, shape.channels * [scalar])
    }

    def fields(count: int) -> FieldType:
        ours = FieldType(tuple((representation(group, rho), count) for rho in kinds))
        types[ours] = e2nn.FieldType(space, [rho for rho in kinds for _ in range(count)])
        return ours

    def block(before: FieldType, after: FieldType, kernel_size: int) -> nn.Module:
        out = types[after]
        layers = regular_layers(out) if options.fields == "regular" else gated_layers(out, after.fields[0][1])
        convolution = e2nn.R2Conv(
            types[before], layers[0].in_type, kernel_size, padding=kernel_size // 2, bias=False, initialize=False
        )
        initialise(convolution)
        return Wrapped(convolution, *layers)

    def regular_layers(out: Any) -> list[Any]:
        return [e2nn.InnerBatchNorm(out), e2nn.ReLU(out, inplace=True)]

    def gated_layers(out: Any, count: int) -> list[Any]:
        scalars = out.index_select(list(range(count)))
        vectors = out.index_select(list(range(count, len(out))))
        gates = e2nn.FieldType(space, len(vectors) * [scalar])
        everything = scalars + gates + vectors
        plain = ["scalar"] * len(scalars + gates) + ["vector"] * len(vectors)
        gated = ["scalar"] * len(scalars) + ["gated"] * len(gates + vectors)
        normalise = [(e2nn.InnerBatchNorm(scalars + gates), "scalar"), (e2nn.NormBatchNorm(vectors), "vector")]
        activate = [(e2nn.ReLU(scalars), "scalar"), (e2nn.GatedNonLinearity1(gates + vectors), "gated")]
        return [
            e2nn.MultipleModule(everything, plain, normalise),
            e2nn.MultipleModule(everything, gated, activate),
        ]

    def invariants(last: FieldType) -> tuple[nn.Module, int]:
        pool = e2nn.GroupPooling if options.fields == "regular" else e2nn.NormPool
        return Wrapped(pool(types[last])), len(types[last])

    return planar_network(group, shape, options, width, fields=fields, block=block, invariants=invariants)


@torch.no_grad()
def initialise(convolution: Any) -> None:
    """Draw the coefficients so that the expanded kernel keeps unit variance (He et al. 2015).

    The library's own initialisation takes seconds to minutes for wide layers; scaling one random draw by the norm of
    the kernel that it expands to takes milliseconds.
    """
    convolution.weights.normal_()
    kernel, _ = convolution.expand_parameters()
    convolution.weights.mul_((kernel.square().sum() / len(kernel)).rsqrt())
