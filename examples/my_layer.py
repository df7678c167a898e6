"""A user's own family and measurement, benchmarked against the built-in ones without a change to equivaug.

The family: a network whose layers share one ordinary convolution among the four rotations of their input, and keep the
four results apart as a regular field of C4. To convolve with a turned kernel is to turn the image, convolve and turn it
back, so that the layer needs no kernel basis; it is slower than `gcnn`, and exactly as equivariant.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.extend import (
    FieldBatchNorm,
    FieldPool,
    FieldType,
    Group,
    Inputs,
    Measured,
    Network,
    Options,
    PlanarOptions,
    Shape,
    families,
    measurements,
    planar_network,
    regular,
)

C4 = Group(4)


class TurningConvolution(nn.Module):
    """Convolves every rotation of a field with one kernel: (B, C, S, S) to regular fields (B, count * 4, S, S)."""

    def __init__(self, before: FieldType, count: int, kernel_size: int) -> None:
        super().__init__()
        self.before = before
        self.convolution = nn.Conv2d(before.channels, count, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        turned = [self.convolution(self.before.act(features, ~g)) for g in C4.elements]
        back = [torch.rot90(part, k, (-2, -1)) for k, part in enumerate(turned)]
        return torch.stack(back, 2).flatten(1, 2)


@families.register("turning", options=PlanarOptions, version=1)
def build(options: PlanarOptions, shape: Shape, width: float) -> Network:
    """One convolution for all four rotations of its input: exact C4, written by a user."""

    def block(before: FieldType, after: FieldType, kernel_size: int) -> nn.Module:
        convolution = TurningConvolution(before, after.channels // 4, kernel_size)
        return nn.Sequential(convolution, FieldBatchNorm(after), nn.ReLU())

    return planar_network(
        C4,
        shape,
        options,
        width,
        fields=lambda count: FieldType(((regular(C4), count),)),
        block=block,
        invariants=lambda last: (FieldPool(last), sum(count for _, count in last.fields)),
    )


class BrierOptions(Options):
    """On how many test images."""

    samples: int = Field(500, ge=1, description="test images, moved by random elements of the group")


@measurements.register("brier", options=BrierOptions, version=1)
@torch.no_grad()
def brier(options: BrierOptions, network: Network, inputs: Inputs) -> Measured:
    """Brier score on transformed test inputs: the squared distance from the predicted to the true probabilities."""
    images, labels = (part[: options.samples] for part in inputs.transformed)
    predicted = network(images).softmax(1)
    true = nn.functional.one_hot(labels, predicted.shape[1])
    return Measured({"brier_score": float((predicted - true).square().sum(1).mean())})
