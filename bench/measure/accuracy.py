"""Accuracy and negative log-likelihood."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BATCH = 500


class Score(NamedTuple):
    """Share of right answers, mean negative log-likelihood in nats, and which answers (N,) are right."""

    accuracy: float
    nll: float
    right: Tensor


@torch.no_grad()
def score(network: nn.Module, images: Tensor, labels: Tensor) -> Score:
    """Score a network, left in evaluation mode, on images (N, C, S, S) and labels (N,), in float32."""
    network.eval()
    right = []
    nll = torch.zeros((), device=images.device, dtype=torch.float64)
    for batch, truth in zip(images.split(_BATCH), labels.split(_BATCH), strict=True):
        logits = network(batch)
        right.append(logits.argmax(1) == truth)
        nll += F.cross_entropy(logits, truth, reduction="sum")
    answers = torch.cat(right)
    return Score(int(answers.sum()) / len(images), float(nll) / len(images), answers)
