"""A task as a value: pure functions of outputs and targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Reduction = Literal["none", "mean", "sum"]


@dataclass(frozen=True)
class Task:
    """What is asked, and how well it was answered.

    ``loss(outputs, targets, reduction)`` is as torch's losses; with ``none`` its numbers average to the mean.
    ``tally(outputs, targets)`` gives float64 sums that add over batches, and ``value(sums)`` the score that they make.
    ``right(outputs, targets)`` says which examples (B,) were answered rightly, None where no answer simply is.
    ``agree(outputs, outputs)`` says which examples (B,), or which share of each, two outputs answer alike; None where
    that has no meaning.
    ``strata(targets)`` are int64 (N,): examples of one stratum are spread evenly over splits and training sets.
    ``constant(targets)`` is the score of the best answer that is the same for every example: what chance gives.
    ``check(targets, outputs)`` raises ValueError for targets that are not such of a network with so many outputs.
    ``weighed(weights)`` is the same task over points that count by their area, None where targets have no points.
    """

    name: str
    score: str
    loss: Callable[[Tensor, Tensor, Reduction], Tensor]
    tally: Callable[[Tensor, Tensor], Tensor]
    value: Callable[[Tensor], float]
    right: Callable[[Tensor, Tensor], Tensor | None]
    agree: Callable[[Tensor, Tensor], Tensor | None]
    strata: Callable[[Tensor], Tensor]
    constant: Callable[[Tensor], float]
    check: Callable[[Tensor, int], None]
    weighed: Callable[[Tensor], Task] | None = None
