"""The short training that the tests of the families share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def losses_of(
    network: nn.Module, images: Tensor, labels: Tensor, batch_size: int, precision: torch.dtype = torch.float32
) -> Iterator[float]:
    """Train on batches in their order, from the start again at the end; yield the loss of every step, without end."""
    torch.manual_seed(0)  # for dropout
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for step in count():
        batch = torch.arange(step * batch_size, (step + 1) * batch_size) % len(images)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = network(images[batch])
        loss = F.cross_entropy(logits.float(), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def train(network: nn.Module, images: Tensor, labels: Tensor, steps: int, batch_size: int) -> list[float]:
    """Train a network so many steps; return the loss of every one."""
    return list(islice(losses_of(network, images, labels, batch_size), steps))
