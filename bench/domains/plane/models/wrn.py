"""Wide Residual Networks (Zagoruyko & Komodakis 2016), plain.

WRN-16-4 by default at width 64; WRN-28-10 is ``channels: [1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4]``, ``stem: 0.1`` and
``halve_before: [5, 9]`` at width 160. What differs from the paper: strides (`residual`).
"""

from __future__ import annotations

from bench.domains.plane.models.planar import SMALLEST_IMAGE
from bench.domains.plane.models.residual import PreactivatedBlock, ResidualOptions, plain_residual_network
from bench.geometry import Shape
from bench.networks.network import Network
from bench.registry import families


@families.register("wrn", options=ResidualOptions, version=1, least=SMALLEST_IMAGE)
def build(options: ResidualOptions, shape: Shape, width: float) -> Network:
    """Wide ResNet, plain: the control of e2wrn."""
    return plain_residual_network(shape, options, width, PreactivatedBlock)
