"""How large a network is: its trainable parameters and the FLOPs of an image."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.models.network import Shape


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable numbers."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@torch.no_grad()
def count_flops(network: nn.Module, shape: Shape) -> int:
    """Return the FLOPs of one more image in a forward pass: what a batch shares (expanding kernels) is not in it.

    Counts multiplications and additions of convolutions and matrix products, as torch's counter does.
    """
    network.eval()
    device = next(network.parameters()).device

    def of(batch: int) -> int:
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(batch, shape.channels, shape.size, shape.size, device=device))
        return int(counter.get_total_flops())

    return of(2) - of(1)
