"""A class for every point of an input: cross-entropy, and the mean intersection over union without the background."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.tasks.task import Reduction, Task

#: The class that no union is counted of.
BACKGROUND = 0


def confusion(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return how much of each class (rows) was called which (columns), (K, K) float64, of logits (B, K, *points).

    ``weights`` are the areas of the points, (*points) or what broadcasts to that; without them points are counted.
    """
    classes = logits.shape[1]
    pairs = labels.long() * classes + logits.argmax(1)
    areas = torch.ones((), dtype=torch.float64) if weights is None else weights.double()
    areas = areas.to(logits.device).expand(pairs.shape).flatten()
    return torch.bincount(pairs.flatten(), areas, classes * classes).view(classes, classes)


def mean_iou(matrix: Tensor) -> float:
    """Return the mean intersection over union of a confusion matrix (K, K), over the classes but the background.

    A class that was neither there nor called has none.

    >>> mean_iou(torch.tensor([[5.0, 0, 0], [0, 3, 1], [0, 0, 1]]).double())
    0.625
    """
    both = matrix.diagonal()
    unions = matrix.sum(0) + matrix.sum(1) - both
    there = unions > 0
    there[BACKGROUND] = False
    return float((both[there] / unions[there]).mean()) if bool(there.any()) else 0.0


def _loss(logits: Tensor, labels: Tensor, reduction: Reduction) -> Tensor:
    each = F.cross_entropy(logits, labels.long(), reduction="none").flatten(1).mean(1)
    return each if reduction == "none" else each.mean() if reduction == "mean" else each.sum()


def _value(sums: Tensor) -> float:
    return mean_iou(sums)


def _check(labels: Tensor, classes: int) -> None:
    if labels.dtype != torch.uint8 or labels.dim() < 2:
        raise ValueError(f"masks must be uint8 (N, *points), not {labels.dtype} {tuple(labels.shape)}")
    if len(labels) and int(labels.max()) >= classes:
        raise ValueError(f"labels of points lie between 0 and {classes - 1}; found {int(labels.max())}")


def segmentation(weights: Tensor | None = None) -> Task:
    """Return the task over points that count by their areas, (*points) or what broadcasts to that; None counts them.

    The loss is the mean over points as they are stored, as papers train; the score is by area, from one confusion
    matrix of all examples.
    """

    def agree(one: Tensor, other: Tensor) -> Tensor:
        """Return the share (B,) of each example's area in which two logits name the same class."""
        same = (one.argmax(1) == other.argmax(1)).float()
        areas = (torch.ones(()) if weights is None else weights).to(same).expand(same.shape[1:])
        return (same * areas).flatten(1).sum(1) / areas.sum()

    def best_constant(labels: Tensor) -> float:
        """Return the score of calling every point the class that gives the best one."""
        areas = (torch.ones(()) if weights is None else weights).double().to(labels.device).expand(labels.shape)
        shares = torch.bincount(labels.flatten().long(), areas.flatten())
        digits = shares[1:] / shares.sum()
        return float(digits.max() / (digits > 0).sum()) if bool((digits > 0).any()) else 0.0

    return Task(
        name="segmentation",
        score="mean_iou",
        loss=_loss,
        tally=lambda logits, labels: confusion(logits, labels, weights),
        value=_value,
        right=lambda logits, labels: None,
        agree=agree,
        strata=lambda labels: torch.zeros(len(labels), dtype=torch.int64),
        constant=best_constant,
        check=_check,
        weighed=segmentation,
    )


SEGMENTATION = segmentation()
