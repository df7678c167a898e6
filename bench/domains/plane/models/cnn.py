"""The plain control: the same skeleton with ordinary convolutions."""

from __future__ import annotations

from torch import nn

from bench.domains.plane.models.planar import SMALLEST_IMAGE, PlanarOptions, planar_network
from bench.geometry import Shape
from bench.groups import FieldType, Group
from bench.networks.network import Network
from bench.registry import families

TRIVIAL = Group(1)


def plain_block(before: FieldType, after: FieldType, kernel_size: int) -> nn.Module:
    """Convolution, batch normalisation, ReLU; the spatial size is kept."""
    return nn.Sequential(
        nn.Conv2d(before.channels, after.channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(after.channels),
        nn.ReLU(inplace=True),
    )


@families.register("cnn", options=PlanarOptions, version=2, least=SMALLEST_IMAGE)
def build(options: PlanarOptions, shape: Shape, width: float) -> Network:
    """Plain CNN, the control: same depth, kernels, normalisation and pooling as the equivariant families."""
    return planar_network(
        TRIVIAL,
        shape,
        options,
        width,
        fields=lambda count: FieldType.scalars(TRIVIAL, count),
        block=plain_block,
        invariants=lambda last: (nn.Identity(), last.channels),
    )
