"""The networks of Cohen & Welling 2016, section 8.1, for rotated MNIST: Z2CNN, P4CNN, and P4CNN with rotation pooling.

Seven layers without padding, 3 x 3 filters and a last one that covers what is left (4 x 4 for images of 28 pixels),
2 x 2 max pooling after the second layer, batch normalisation, ReLU. As in the released code, dropout follows every
hidden layer of Z2CNN but the pooled one, and the P4 networks have none ("better without dropout, so we removed it").
At their published widths and 28 pixels they have 21,750, 24,680 and 21,750 parameters.

The released code means to turn its training images by any angle and turns them by at most 3.14 degrees, as it hands
radians to a function of degrees (scikit-image's ``rotate``): an augmentation of strength 1 / 57.3.

The released code recomputes the running statistics before it tests, which ``budget.statistics: recounted`` does. What
differs: it trains on inputs that are centred, so that what a turn leaves empty is mean grey there; here they are scaled
to unit root mean square, so that black stays zero.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.domains.plane.kernels import group_basis
from bench.domains.plane.law import Maps
from bench.domains.plane.layers import FieldBatchNorm, FieldPool, PointwiseNonlinearity, SteerableConv
from bench.domains.plane.network import image_network
from bench.errors import Impossible
from bench.geometry import INVARIANT, Law, Shape
from bench.groups import FieldType, Group, Representation, regular, trivial
from bench.networks.network import Network
from bench.registry import Options, families


class Z2cnnOptions(Options):
    """What the paper found for the plain network."""

    dropout: float = Field(0.3, ge=0, lt=1, description="after every hidden layer but the second, which is pooled")


class P4cnnOptions(Options):
    """What the paper found for the group-equivariant networks."""

    dropout: float = Field(0.0, ge=0, lt=1, description="after every hidden layer but the second; the paper has none")


class FieldBias(nn.Module):
    """A learned constant per permuted field. Before a normalisation it does nothing, yet the published nets have it."""

    def __init__(self, rho: Representation, count: int) -> None:
        super().__init__()
        self.size = rho.size
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.bias.to(features.dtype).repeat_interleave(self.size)[:, None, None]


@families.register("p4cnn", options=P4cnnOptions, version=3, exact=True, least=22)
def build_p4cnn(options: P4cnnOptions, shape: Shape, width: float) -> Network:
    """P4CNN of Cohen & Welling 2016 (7 layers, group C4); width 10 is the published network."""
    return _seven_layers(regular(Group(4)), options.dropout, shape, width, pools_rotations=False)


@families.register("p4cnn-rotation-pooling", options=P4cnnOptions, version=1, exact=True, least=22)
def build_rotation_pooling(options: P4cnnOptions, shape: Shape, width: float) -> Network:
    """P4CNN that takes the maximum over rotations after every layer (Cohen & Welling 2016); width 20 is published."""
    return _seven_layers(regular(Group(4)), options.dropout, shape, width, pools_rotations=True)


@families.register("z2cnn", options=Z2cnnOptions, version=3, least=22)
def build_z2cnn(options: Z2cnnOptions, shape: Shape, width: float) -> Network:
    """Z2CNN of Cohen & Welling 2016, the plain twin of P4CNN; width 20 is the published network."""
    return _seven_layers(trivial(Group(1)), options.dropout, shape, width, pools_rotations=False)


def _seven_layers(rho: Representation, dropout: float, shape: Shape, width: float, pools_rotations: bool) -> Network:
    last_kernel = (shape.size - 20) // 2
    if shape.size % 2 or last_kernel < 1:
        raise Impossible(
            f"the seven layers without padding fit even image sizes from 22, the paper's being 28; found {shape.size}"
        )
    group, count = rho.group, max(1, round(width))
    convolved = FieldType(((rho, count),))
    hidden = FieldType.scalars(group, count) if pools_rotations else convolved
    current = FieldType.scalars(group, shape.channels)
    stages: dict[str, tuple[nn.Module, Law]] = {}
    for layer in range(1, 7):
        modules = [
            SteerableConv(current, convolved, 3, basis=group_basis, padding=0),
            FieldBias(rho, count),
            FieldBatchNorm(convolved),
        ]
        if pools_rotations:
            modules.append(FieldPool(convolved))
        # after the pooling, with which it commutes: a quarter of the work
        modules += [PointwiseNonlinearity(), nn.MaxPool2d(2) if layer == 2 else nn.Dropout(dropout)]
        stages[f"block{layer}"] = (nn.Sequential(*modules), Maps(hidden, shape.size))
        current = hidden
    classes = FieldType(((rho, shape.outputs),))
    top = [
        SteerableConv(current, classes, last_kernel, basis=group_basis, padding=0),
        FieldBias(rho, shape.outputs),
        FieldPool(classes),
        nn.Flatten(),
    ]
    stages["output"] = (nn.Sequential(*top), INVARIANT)
    return image_network(group, stages)
