"""One class for every input: cross-entropy, and the share of right answers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.tasks.task import Reduction, Task


def _loss(logits: Tensor, labels: Tensor, reduction: Reduction) -> Tensor:
    return F.cross_entropy(logits, labels, reduction=reduction)


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.argmax(1) == labels


def _tally(logits: Tensor, labels: Tensor) -> Tensor:
    right = _right(logits, labels)
    return torch.stack([right.sum(), torch.full_like(right.sum(), len(right))]).double()


def _agree(one: Tensor, other: Tensor) -> Tensor:
    return one.argmax(1) == other.argmax(1)


def _most_frequent(labels: Tensor) -> float:
    return float(labels.bincount().max()) / len(labels)


def _check(labels: Tensor, classes: int) -> None:
    if labels.dtype != torch.int64 or labels.dim() != 1:
        raise ValueError(f"labels must be int64 (N,), not {labels.dtype} {tuple(labels.shape)}")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"labels lie between 0 and {classes - 1}; found {int(labels.min())} to {int(labels.max())}")


CLASSIFICATION = Task(
    name="classification",
    score="accuracy",
    loss=_loss,
    tally=_tally,
    value=lambda sums: float(sums[0] / sums[1]),
    right=_right,
    agree=_agree,
    strata=lambda labels: labels,
    constant=_most_frequent,
    check=_check,
)
