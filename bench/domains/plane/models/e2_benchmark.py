"""The networks of Weiler & Cesa 2019 for rotated MNIST: those of their benchmark, and the final one.

Six layers of regular fields, ELU, 2 x 2 max pooling after the second and the fourth, and no padding in the last, whose
fields become invariants by their maximum. In the benchmark all but the first and the last have sqrt(16 / |G|) times as
many fields as with C16, which keeps the parameters of all groups about equal. A width is the fields of the first layer:
16 is the published benchmark, 24 the published final network. As in the released code (QUVA-Lab:
e2cnn_experiments) the benchmark's plain CNN ends in a spatial mean, the equivariant networks in a spatial maximum.

What differs from the released code: the bias of the last layer is zero at init, so that it does not pass for a share of
an untrained network's logits; penalties on the weights are the suite's to set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from pydantic import Field, field_validator
from torch import nn

from bench.domains.plane.kernels import group_basis, kernel_basis
from bench.domains.plane.law import Maps
from bench.domains.plane.layers import FieldBatchNorm, FieldPool, SteerableConv
from bench.domains.plane.network import image_network
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, Shape
from bench.groups import FieldType, Group, Representation, regular, trivial
from bench.networks.network import Network
from bench.registry import Options, families

KERNELS = (7, 5, 5, 5, 5, 5)
FIELDS = (16, 24, 32, 32, 48, 64)
FINAL_KERNELS = (9, 7, 7, 7, 7, 5)
FINAL_FIELDS = (24, 32, 36, 36, 64, 96)

#: What follows the convolution of the last layer, to scalar fields.
Invariants = Callable[[FieldType, FieldType], Sequence[nn.Module]]


class BenchmarkOptions(Options):
    """The group of the regular fields."""

    group: str = Field("C4", description="C2, C3, ... or D1, D2, ...")

    @field_validator("group")
    @classmethod
    def _finite(cls, group: str) -> str:
        parsed = Group.parse(group)
        if not parsed.is_finite or parsed.order == 1:
            raise ValueError(f"regular fields need a finite group of two elements or more, such as C4; found {group}")
        return str(parsed)


class FinalOptions(Options):
    """What the paper found for the final network."""

    dropout: float = Field(0.3, ge=0, lt=1, description="before every layer of the head")


class PlainOptions(Options):
    """The plain network leaves nothing open."""


@families.register(
    "e2-benchmark", options=BenchmarkOptions, version=1, kinds=[{"group": "C4"}, {"group": "D4"}], exact=True, least=24
)
def build_benchmark(options: BenchmarkOptions, shape: Shape, width: float) -> Network:
    """The equivariant networks of the benchmark of Weiler & Cesa 2019 for rotated MNIST; width 16 is published."""
    rho = regular(Group.parse(options.group))

    def invariants(fields: FieldType, scalars: FieldType) -> Sequence[nn.Module]:
        return FieldPool(fields), FieldBatchNorm(scalars), nn.ELU(inplace=True)

    counts = _scaled(_of_order(rho.size), width)
    head = [nn.AdaptiveMaxPool2d(1), *_head([counts[-1], 64, shape.outputs])]
    return _six_layers(rho, counts, KERNELS, 1, invariants, head, shape)


@families.register("e2-benchmark-cnn", options=PlainOptions, version=1, least=24)
def build_benchmark_cnn(options: PlainOptions, shape: Shape, width: float) -> Network:
    """The plain CNN of the benchmark of Weiler & Cesa 2019 for rotated MNIST; width 16 is published."""
    rho = trivial(Group(1))

    def invariants(fields: FieldType, scalars: FieldType) -> Sequence[nn.Module]:
        return FieldBatchNorm(fields), nn.ELU(inplace=True)

    counts = _scaled(_of_order(1), width)
    head = [nn.AdaptiveAvgPool2d(1), *_head([counts[-1], 64, shape.outputs])]
    return _six_layers(rho, counts, KERNELS, 1, invariants, head, shape)


@families.register("e2-final", options=FinalOptions, version=1, exact=True, least=28)
def build_final(options: FinalOptions, shape: Shape, width: float) -> Network:
    """The final C16 network of Weiler & Cesa 2019 for rotated MNIST (0.716 %); width 24 is published."""
    rho = regular(Group(16))

    def invariants(fields: FieldType, scalars: FieldType) -> Sequence[nn.Module]:
        return FieldBatchNorm(fields), FieldPool(fields), nn.ELU()  # a maximum's derivative reads the maximum

    counts = _scaled(FINAL_FIELDS, width)
    head = [nn.AdaptiveMaxPool2d(1), *_head([counts[-1], 96, 96, shape.outputs], options.dropout)]
    return _six_layers(rho, counts, FINAL_KERNELS, 0, invariants, head, shape)


def _of_order(order: int) -> tuple[int, ...]:
    """Return the benchmark's fields per layer for a group of so many elements."""
    first, *inner, last = FIELDS
    return (first, *(round(count * math.sqrt(16 / order)) for count in inner), last)


def _scaled(fields: Sequence[int], width: float) -> list[int]:
    """Return the fields per layer of a width, that of the first one."""
    return [max(1, round(count * width / fields[0])) for count in fields]


def _head(sizes: Sequence[int], dropout: float = 0.0) -> list[nn.Module]:
    """Return a classifier of invariants (B, sizes[0], 1, 1) to logits (B, sizes[-1])."""
    layers: list[nn.Module] = [nn.Flatten()]
    for i, (before, after) in enumerate(pairwise(sizes)):
        layers += [nn.BatchNorm1d(before), nn.ELU(inplace=True)] if i else []
        layers += [nn.Dropout(dropout)] if dropout else []
        layers.append(nn.Linear(before, after))
    nn.init.zeros_(layers[-1].bias)  # type: ignore[arg-type]
    return layers


def _six_layers(
    rho: Representation,
    counts: Sequence[int],
    kernels: Sequence[int],
    padding: int,
    invariants: Invariants,
    head: Sequence[nn.Module],
    shape: Shape,
) -> Network:
    """Assemble a network; ``padding`` is that of the first layer. Impossible where a pooling would not fit."""
    lost = kernels[0] - 1 - 2 * padding
    least = lost + 4 * kernels[-1]
    if shape.size < least or (shape.size - lost) % 4:
        raise Impossible(
            f"two poolings that fit, and a last kernel of {kernels[-1]} pixels without padding, take image sizes from "
            f"{least} in steps of 4, the paper's being 28; found {shape.size}"
        )
    basis = group_basis if rho.size == 1 else kernel_basis
    paddings = (padding, *(kernel // 2 for kernel in kernels[1:-1]), 0)
    current = FieldType.scalars(rho.group, shape.channels)
    stages: dict[str, tuple[nn.Module, Law]] = {}
    for layer, (count, kernel, around) in enumerate(zip(counts, kernels, paddings, strict=True), start=1):
        fields = FieldType(((rho, count),))
        modules: list[nn.Module] = [SteerableConv(current, fields, kernel, basis=basis, padding=around)]
        if layer == len(kernels):
            scalars = FieldType.scalars(rho.group, count)
            modules += invariants(fields, scalars)
            fields = scalars
        else:
            modules += [FieldBatchNorm(fields), nn.ELU(inplace=True)]
        if layer in (2, 4):
            modules.append(nn.MaxPool2d(2))
        stages[f"block{layer}"] = (nn.Sequential(*modules), Maps(fields, shape.size))
        current = fields
    stages["output"] = (nn.Sequential(*head), INVARIANT)
    return image_network(rho.group, stages)
