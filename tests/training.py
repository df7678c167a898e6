"""The short training that the tests of the families share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    steps: int,
    batch_size: int,
    precision: torch.dtype = torch.float32,
) -> list[float]:
    """Train a network on batches in their order, from the start again at the end; return the loss of every step."""
    torch.manual_seed(0)  # for dropout
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    losses = []
    for step in range(steps):
        batch = torch.arange(step * batch_size, (step + 1) * batch_size) % len(images)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = network(images[batch])
        loss = F.cross_entropy(logits.float(), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
