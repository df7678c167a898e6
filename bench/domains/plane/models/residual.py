"""The residual skeleton that Wide ResNets, plain and equivariant, and ResNet-18 share.

Every step keeps the grid's own symmetries exact, for even and odd sizes of 16 pixels and more: kernels are odd with
equal padding, and where the published networks convolve with stride 2, which drops the last row of some sizes and not
of others, these pool by centred, overlapping means (`bench.domains.plane.models.planar.HalvingPool`) before a
convolution of stride 1, in both branches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from bench.domains.plane.law import Maps
from bench.domains.plane.layers import Restriction, SteerableConv, delta_orthogonal_
from bench.domains.plane.models.planar import SMALLEST_IMAGE, HalvingPool
from bench.domains.plane.network import image_network
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, Shape
from bench.groups import FieldType, Group
from bench.networks.counts import counts, with_counts
from bench.networks.heads import MeanHead
from bench.networks.network import Network
from bench.registry import Options

Share = Annotated[float, Field(gt=0, le=1e6)]


class ResidualOptions(Options):
    """One residual block of two convolutions per entry of ``channels``."""

    channels: tuple[Share, ...] = Field(
        (1, 1, 2, 2, 4, 4), min_length=1, description="channels per block, in units of the width"
    )
    halve_before: tuple[int, ...] = Field((3, 5), description="blocks (counted from 1) before which the size is halved")
    stem: Share = Field(0.25, description="channels of the first convolution, in units of the width")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of features dropped between a block's two convolutions")
    initialisation: Literal["he", "delta-orthogonal"] = Field(
        "he", description="of kernels: normal (He et al. 2015), or an isometry in the middle (Xiao et al. 2018)"
    )

    @model_validator(mode="after")
    def _consistent(self) -> ResidualOptions:
        if any(not 1 <= block <= len(self.channels) for block in self.halve_before):
            raise ValueError(f"halve_before names a block outside 1 to {len(self.channels)}")
        return self

    def counts(self, width: float) -> list[int]:
        """Return how many channels each block has at a width."""
        return counts(self.channels, width)

    def with_counts(self, fields: Sequence[int], width: float) -> ResidualOptions:
        """Return the options with which each block has so many channels at a width."""
        return with_counts(self, fields, width)


@dataclass(frozen=True)
class Layers:
    """What a family convolves, normalises and rectifies with; convolutions have an odd kernel and keep the size."""

    convolution: Callable[[FieldType, FieldType, int], nn.Module]
    norm: Callable[[FieldType], nn.Module]
    rectifier: Callable[[], nn.Module]


class PreactivatedBlock(nn.Module):
    """Norm, rectifier, convolution, twice, beside a shortcut (He et al. 2016b; Zagoruyko & Komodakis 2016, figure 1).

    Where fields or sizes change, the shortcut is a 1 x 1 convolution of the activated input.
    """

    def __init__(
        self, layers: Layers, before: FieldType, after: FieldType, kernel: int, halves: bool, dropout: float
    ) -> None:
        super().__init__()
        self.activate = nn.Sequential(layers.norm(before), layers.rectifier())
        self.pool = HalvingPool() if halves else None
        self.first = layers.convolution(before, after, kernel)
        drop = [nn.Dropout(dropout)] if dropout else []
        self.rest = nn.Sequential(
            layers.norm(after), layers.rectifier(), *drop, layers.convolution(after, after, kernel)
        )
        self.shortcut = layers.convolution(before, after, 1) if halves or before != after else None

    def forward(self, features: Tensor) -> Tensor:
        activated = self.activate(features)
        if self.pool is not None:
            activated = self.pool(activated)
        beside = features if self.shortcut is None else self.shortcut(activated)
        total: Tensor = beside + self.rest(self.first(activated))
        return total


class PostactivatedBlock(nn.Module):
    """Convolution and norm, twice, a rectifier between them, and one after the sum (He et al. 2016a, figure 2)."""

    def __init__(
        self, layers: Layers, before: FieldType, after: FieldType, kernel: int, halves: bool, dropout: float
    ) -> None:
        super().__init__()
        self.pool = HalvingPool() if halves else None
        drop = [nn.Dropout(dropout)] if dropout else []
        self.branch = nn.Sequential(
            layers.convolution(before, after, kernel),
            layers.norm(after),
            layers.rectifier(),
            *drop,
            layers.convolution(after, after, kernel),
            layers.norm(after),
        )
        changes = halves or before != after
        self.shortcut = nn.Sequential(layers.convolution(before, after, 1), layers.norm(after)) if changes else None
        self.rectifier = layers.rectifier()

    def forward(self, features: Tensor) -> Tensor:
        if self.pool is not None:
            features = self.pool(features)
        beside = features if self.shortcut is None else self.shortcut(features)
        rectified: Tensor = self.rectifier(beside + self.branch(features))
        return rectified


def residual_network(
    shape: Shape,
    options: ResidualOptions,
    block: type[PreactivatedBlock] | type[PostactivatedBlock],
    layers: Layers,
    stem: FieldType,
    fields: Sequence[FieldType],
    kernels: Mapping[Group, int],
) -> Network:
    """Assemble a network whose blocks give ``fields``, one type per block, the last of scalars, which a mean follows.

    The group of each is that of the one before, the first the stem's, or a subgroup of it, to which regular fields are
    restricted; the whole promises the last. ``kernels`` is the size of kernels of each group. Impossible for too small
    an image.
    """
    if shape.size < SMALLEST_IMAGE:
        raise Impossible(f"images of {shape.size} pixels are too small; the least is {SMALLEST_IMAGE}")
    colours = FieldType.scalars(stem.group, shape.channels)
    modules: list[nn.Module] = [layers.convolution(colours, stem, kernels[stem.group])]
    if block is PostactivatedBlock:
        modules += [layers.norm(stem), layers.rectifier()]
    stages: dict[str, tuple[nn.Module, Law]] = {"stem": (nn.Sequential(*modules), Maps(stem, shape.size))}
    current = stem
    for i, following in enumerate(fields, start=1):
        if following.group != current.group:
            restriction = Restriction(current, following.group)
            current = restriction.after
            stages[f"restriction{i}"] = (restriction, Maps(current, shape.size))
        kernel = kernels[following.group]
        module = block(layers, current, following, kernel, i in options.halve_before, options.dropout)
        stages[f"block{i}"] = (module, Maps(following, shape.size))
        current = following
    if block is PreactivatedBlock:
        stages["activation"] = (
            nn.Sequential(layers.norm(current), layers.rectifier()),
            Maps(current, shape.size),
        )
    stages["output"] = (MeanHead(current.channels, shape.outputs), INVARIANT)
    if options.initialisation == "delta-orthogonal":
        for part in nn.ModuleList(stage for stage, _ in stages.values()).modules():
            if isinstance(part, (SteerableConv, nn.Conv2d)):
                delta_orthogonal_(part)
    return image_network(current.group, stages)


def plain_convolution(before: FieldType, after: FieldType, kernel: int) -> nn.Module:
    """Return an ordinary convolution with the initialisation of He et al. 2015, without a bias."""
    convolution = nn.Conv2d(before.channels, after.channels, kernel, padding=kernel // 2, bias=False)
    with torch.no_grad():
        convolution.weight.normal_(0, math.sqrt(2 / (before.channels * kernel**2)))
    return convolution


TRIVIAL = Group(1)

PLAIN = Layers(plain_convolution, lambda fields: nn.BatchNorm2d(fields.channels), lambda: nn.ReLU(inplace=True))


def plain_residual_network(
    shape: Shape,
    options: ResidualOptions,
    width: float,
    block: type[PreactivatedBlock] | type[PostactivatedBlock],
) -> Network:
    """Assemble a network of ordinary convolutions."""
    stem = FieldType.scalars(TRIVIAL, max(1, round(options.stem * width)))
    fields = [FieldType.scalars(TRIVIAL, count) for count in options.counts(width)]
    return residual_network(shape, options, block, PLAIN, stem, fields, {TRIVIAL: 3})
