"""Equivariant Transformers (Tai et al. 2019): undo a predicted transformation, then classify with a plain CNN.

A layer sees the image in the canonical coordinates of its transformation T, where T is a translation, and predicts the
parameter by convolutions and a centroid, so that theta(T_a x) = theta(x) + a; sampling the image at the points
T_theta p undoes T. The layers of a sequence compose their homographies, so that the image is resampled once.

What differs from the released code, in both families: heat maps have a learned sharpness; an axis that is not periodic
is continued by its last values, not by zeros, which would be an edge that stays as the image moves; rotation sees the
centred disc, not the image to its corners, which leave it as it turns; the halves of the aspect's grid lie side by
side, not one after the other along the pose, where both would vote in one heat map for different poses; the learned
offset of a pose is not bounded by tanh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from bench.domains.plane.models import canonical
from bench.domains.plane.models.cnn import TRIVIAL, plain_block
from bench.domains.plane.models.planar import SMALLEST_IMAGE, HalvingPool, PlanarOptions, planar_network
from bench.domains.plane.models.poses import Canonicalise, Name, PoseOptions, pad, transformation
from bench.domains.plane.network import image_network
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, NoActionError, Shape
from bench.groups import Element, FieldType, Group, Homographies, MovingGroup, centred_disc
from bench.networks.network import Network
from bench.registry import families

ROTATIONS = Group.parse("SO(2)")
Coordinates = Literal["cartesian", "log-polar"]


class EtOptions(PoseOptions, PlanarOptions):
    """The transformations to undo, in order, and the classifier behind them."""

    transformers: tuple[Name, ...] = Field(("rotation",), min_length=1, description="transformations to undo, in order")
    coordinates: Coordinates = Field("cartesian", description="what the classifier sees")


class EtReleasedOptions(PoseOptions):
    """The transformations to undo, in order, and the coordinates of the classifier of the released code."""

    transformers: tuple[Name, ...] = Field(
        ("shear-x", "aspect", "perspective-x", "perspective-y"), description="transformations to undo; none for a CNN"
    )
    coordinates: Coordinates = Field("log-polar", description="what the classifier sees")
    predictor_channels: int = Field(32, ge=1, description="channels of a pose predictor")
    pose_samples: int = Field(1, ge=1, le=8, description="samples of a pose's axis, per pixel of the image's side")
    sharpness: float = Field(1.0, gt=0, description="of the heat maps on a circle, before training; 1 on a line")
    dropout: float = Field(0.3, ge=0, lt=1, description="after the classifier's third and sixth layers")


def circular_block(before: FieldType, after: FieldType, kernel_size: int) -> nn.Module:
    """The plain block for log-polar images, whose rows are the angle: they continue at the other end."""
    convolution, norm, relu = plain_block(before, after, kernel_size).children()
    assert isinstance(convolution, nn.Conv2d)
    convolution.padding = (0, kernel_size // 2)
    return nn.Sequential(nn.CircularPad2d((0, 0, kernel_size // 2, kernel_size // 2)), convolution, norm, relu)


class CircularPool(nn.Module):
    """The skeleton's pooling for log-polar images: it sees two more rows at either end, of which one is left over."""

    def __init__(self, pool: HalvingPool) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, features: Tensor) -> Tensor:
        pooled: Tensor = self.pool(pad(features, 2, 2, "circular"))
        return pooled[:, :, 1:-1]


@dataclass(frozen=True)
class Unchanged:
    """The law of maps that the rotations of ``group`` of the image leave as they are."""

    group: MovingGroup

    def act(self, features: Tensor, g: Element) -> Tensor:
        if not isinstance(self.group, Group) or g not in self.group:
            raise NoActionError(f"{g} is not undone; the transformers undo {self.group}")
        return features

    def weights(self, features: Tensor) -> Tensor:
        return centred_disc(features)

    def derivative(self, features: Tensor, flow: str) -> None:
        return None


def undone(transformers: Sequence[Name]) -> MovingGroup:
    """Return the group that a sequence undoes, of which rotations alone are undone exactly on the grid.

    Only the first layer sees the image as it comes: a rotation after a shear is undone no better than the shear is.
    """
    if not transformers:
        return TRIVIAL
    return ROTATIONS if transformers[0] in ("rotation", "rotation-scale") else Homographies()


class Rolled:
    """The law of log-polar maps (B, C, angles, radii), which quarter turns move along the angles."""

    def act(self, features: Tensor, g: Element) -> Tensor:
        if g not in Group(4):
            raise NoActionError(f"{g} moves no angle onto another of {features.shape[2]}")
        return features.roll(round(features.shape[2] * g.turn), 2)

    def weights(self, features: Tensor) -> Tensor:
        return centred_disc(features)

    def derivative(self, features: Tensor, flow: str) -> None:
        return None


@families.register("et", options=EtOptions, version=3, least=SMALLEST_IMAGE)
def build(options: EtOptions, shape: Shape, width: float) -> Network:
    """Equivariant Transformer (Tai et al. 2019): predicts and undoes rotation, scale, shear, ...; then a plain CNN."""
    group = undone(options.transformers)
    in_polar = options.coordinates == "log-polar"
    classifier = planar_network(
        TRIVIAL,
        shape,
        options,
        width,
        fields=lambda count: FieldType.scalars(TRIVIAL, count),
        block=circular_block if in_polar else plain_block,
        invariants=lambda last: (nn.Identity(), last.channels),
    )
    undo = Canonicalise(
        shape.channels,
        [transformation(name, shape.size, options) for name in options.transformers],
        canonical.log_polar(shape.size) if in_polar else canonical.cartesian(shape.size),
        options,
    )
    if in_polar:
        for stage in classifier.stages.values():
            if isinstance(stage, nn.Sequential) and isinstance(pool := stage[-1], HalvingPool):
                stage[-1] = CircularPool(pool)
    law = Unchanged(group)
    stages: dict[str, tuple[nn.Module, Law]] = {"canonical": (undo, law)}
    for name, stage in classifier.stages.items():
        stages[name] = (stage, classifier.laws[name] if name == "output" else law)
    return image_network(group, stages)


@families.register("et-released", options=EtReleasedOptions, version=1, least=49)
def build_released(options: EtReleasedOptions, shape: Shape, width: float) -> Network:
    """Equivariant Transformer with the released classifier and predictors; width 32 is published, for 64x64 images."""
    in_polar = options.coordinates == "log-polar"
    least = 49 if in_polar else 50
    if shape.size < least:
        raise Impossible(f"images of {shape.size} pixels are too small for seven layers; the least is {least}")
    turns_alone = in_polar and not options.transformers
    group = Group(4) if turns_alone else undone(options.transformers)
    law: Law = Rolled() if turns_alone else Unchanged(group)
    undo = Canonicalise(
        shape.channels,
        [transformation(name, shape.size, options) for name in options.transformers],
        canonical.log_polar(shape.size) if in_polar else canonical.cartesian(shape.size),
        options,
    )
    stages: dict[str, tuple[nn.Module, Law]] = {"canonical": (undo, law)}
    current, hidden = shape.channels, max(1, round(width))
    for layer in range(1, 7):
        modules: list[nn.Module] = [Unpadded(current, hidden, in_polar), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True)]
        modules += [nn.AvgPool2d(2)] if layer <= 2 else []
        modules += [nn.Dropout(options.dropout)] if layer in (3, 6) else []
        stages[f"block{layer}"] = (nn.Sequential(*modules), law)
        current = hidden
    top = nn.Sequential(Unpadded(current, shape.outputs, in_polar, bias=True), nn.AdaptiveMaxPool2d(1), nn.Flatten())
    stages["output"] = (top, INVARIANT)
    return image_network(group, stages)


class Unpadded(nn.Module):
    """A 3 x 3 convolution without padding, but for log-polar images, whose rows, the angle, go on at the other end."""

    def __init__(self, before: int, after: int, in_polar: bool, bias: bool = False) -> None:
        super().__init__()
        self.in_polar = in_polar
        self.convolution = nn.Conv2d(before, after, 3, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        maps: Tensor = self.convolution(pad(features, 2, 1, "circular") if self.in_polar else features)
        return maps
