"""How many inputs a network is shown at once, and its answers to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_NUMBERS, _MOST = 2**20, 500


def at_once(inputs: Tensor) -> int:
    """Return how many of inputs (N, channels, *points) a network is shown at once: 500, fewer of large ones.

    500 inputs of 100 x 100 points would fill a device with their feature maps: a spherical CNN makes 2.6 MB for each of
    its channels from one of them.
    """
    return max(1, min(_MOST, _NUMBERS // inputs[0].numel()))


@torch.no_grad()
def answers(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a network, left in evaluation mode, makes of inputs (N, channels, *points): (N, ...)."""
    network.eval()
    return torch.cat([network(batch) for batch in inputs.split(at_once(inputs))])
