"""ResNet-18 (He et al. 2016a) for small images: a first convolution of 3 x 3, and no pooling after it.

At width 64 the published one but for the stem, which is that of images of 224 pixels there, and the strides
(`residual`).
"""

from __future__ import annotations

from pydantic import Field

from bench.domains.plane.models.planar import SMALLEST_IMAGE
from bench.domains.plane.models.residual import PostactivatedBlock, ResidualOptions, Share, plain_residual_network
from bench.geometry import Shape
from bench.networks.network import Network
from bench.registry import families


class Resnet18Options(ResidualOptions):
    """Eight blocks in four stages."""

    channels: tuple[Share, ...] = Field(
        (1, 1, 2, 2, 4, 4, 8, 8), min_length=1, description="channels per block, in units of the width"
    )
    halve_before: tuple[int, ...] = Field(
        (3, 5, 7), description="blocks (counted from 1) before which the size is halved"
    )
    stem: Share = Field(1.0, description="channels of the first convolution, in units of the width")


@families.register("resnet18", options=Resnet18Options, version=1, least=SMALLEST_IMAGE)
def build(options: Resnet18Options, shape: Shape, width: float) -> Network:
    """ResNet-18, plain: what most people start from."""
    return plain_residual_network(shape, options, width, PostactivatedBlock)
