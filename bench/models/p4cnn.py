"""The two networks of Cohen & Welling 2016, section 8.1, for rotated MNIST: P4CNN and its plain twin Z2CNN.

Seven layers without padding, 3 x 3 filters and a last one that covers what is left (4 x 4 for images of 28 pixels),
2 x 2 max pooling after the second layer, batch normalisation, ReLU, dropout. At their published widths and 28 pixels
they have 24,680 and 21,750 parameters.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.errors import Impossible
from bench.groups import FieldType, Group, Representation, regular, trivial
from bench.kernels import group_basis
from bench.layers import FieldBatchNorm, FieldPool, PointwiseNonlinearity, SteerableConv
from bench.models.network import Network, Shape, invariant
from bench.registry import Options, families


class TwinOptions(Options):
    """What the paper leaves open."""

    dropout: float = Field(0.3, ge=0, lt=1, description="after every hidden layer")


class FieldBias(nn.Module):
    """A learned constant per permuted field. Before a normalisation it does nothing, yet the published nets have it."""

    def __init__(self, rho: Representation, count: int) -> None:
        super().__init__()
        self.size = rho.size
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.bias.to(features.dtype).repeat_interleave(self.size)[:, None, None]


@families.register("p4cnn", options=TwinOptions, version=2)
def build_p4cnn(options: TwinOptions, shape: Shape, width: float) -> Network:
    """P4CNN of Cohen & Welling 2016 (7 layers, group C4); width 10 is the published network."""
    return _seven_layers(regular(Group(4)), options, shape, width)


@families.register("z2cnn", options=TwinOptions, version=2)
def build_z2cnn(options: TwinOptions, shape: Shape, width: float) -> Network:
    """Z2CNN of Cohen & Welling 2016, the plain twin of P4CNN; width 20 is the published network."""
    return _seven_layers(trivial(Group(1)), options, shape, width)


def _seven_layers(rho: Representation, options: TwinOptions, shape: Shape, width: float) -> Network:
    last_kernel = (shape.size - 20) // 2
    if shape.size % 2 or last_kernel < 1:
        raise Impossible(
            f"the seven layers without padding fit even image sizes from 22, the paper's being 28; found {shape.size}"
        )
    group, count = rho.group, max(1, round(width))
    basis = group_basis
    hidden = FieldType(((rho, count),))
    current = FieldType.scalars(group, shape.channels)
    stages = {}
    for layer in range(1, 7):
        modules = [
            SteerableConv(current, hidden, 3, basis=basis, padding=0),
            FieldBias(rho, count),
            FieldBatchNorm(hidden),
            PointwiseNonlinearity(),
            nn.Dropout(options.dropout),
        ]
        if layer == 2:
            modules.append(nn.MaxPool2d(2))
        stages[f"block{layer}"] = (nn.Sequential(*modules), hidden.act)
        current = hidden
    classes = FieldType(((rho, shape.classes),))
    top = [
        SteerableConv(current, classes, last_kernel, basis=basis, padding=0),
        FieldBias(rho, shape.classes),
        FieldPool(classes),
        nn.Flatten(),
    ]
    stages["output"] = (nn.Sequential(*top), invariant)
    return Network(group, stages)
