"""When things happen in a training: how many steps, which learning rate, which images, when to evaluate."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from bench.cell import Budget
from bench.seeds import generator


def total_steps(budget: Budget, images: int) -> int:
    """Return the optimizer steps of a budget for a training set of so many images."""
    if budget.steps is not None:
        return budget.steps
    assert budget.epochs is not None
    return max(1, math.ceil(budget.epochs * images / budget.batch_size))


def evaluation_steps(budget: Budget, total: int) -> set[int]:
    """Return after which steps the network is evaluated: evenly spaced, the last step among them."""
    count = min(budget.evaluations, total)
    return {math.ceil(total * (i + 1) / count) for i in range(count)}


def learning_rate(budget: Budget, step: int, total: int) -> float:
    """Return the learning rate of a step (counted from 0): the peak rate times the schedule's factor."""
    progress = step / total
    if budget.schedule == "onecycle":
        # a linear warm-up over 30 % and a cosine to almost nothing (Smith & Topin 2018)
        warm = 0.3
        if progress < warm:
            factor = 0.04 + 0.96 * progress / warm
        else:
            factor = 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))
    elif budget.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * progress))
    elif budget.schedule == "step":
        since = (progress - budget.decay_from) / (1 - budget.decay_from)
        factor = budget.decay_factor ** math.floor(1 + since * budget.decays) if since >= 0 else 1.0
    else:
        factor = 1.0
    return budget.lr * factor


def batches(images: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """Yield index tensors (batch_size,) without end: a new permutation every epoch, batches running across its end."""
    left = torch.empty(0, dtype=torch.int64)
    epoch = 0
    while True:
        while len(left) < batch_size:
            left = torch.cat([left, torch.randperm(images, generator=generator(seed, "order", epoch))])
            epoch += 1
        yield left[:batch_size]
        left = left[batch_size:]
