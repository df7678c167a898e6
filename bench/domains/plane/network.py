"""Networks for images."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bench.domains.plane.law import Pixels
from bench.geometry import Law
from bench.groups import MovingGroup
from bench.networks.network import Network


def image_network(group: MovingGroup, stages: Mapping[str, tuple[nn.Module, Law]]) -> Network:
    """Return a network from images (B, C, S, S) whose stages get them in the layout that convolutions like best."""
    return Network(group, stages, Pixels(), channels_last)


def channels_last(images: Tensor) -> Tensor:
    """Return images (B, C, S, S) in the layout that convolutions are fastest in.

    Of one channel both layouts are the same numbers in the same order, and only the strides tell them apart.
    """
    rows = images.reshape(len(images), *images.shape[2:], 1) if images.shape[1] == 1 else images.movedim(1, -1)
    return rows.contiguous().movedim(-1, 1)
