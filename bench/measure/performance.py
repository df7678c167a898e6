"""How well a network does its task."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.measure.batches import at_once
from bench.tasks import CLASSIFICATION, Task


class Performance(NamedTuple):
    """The score, the mean loss, which answers (N,) are right, and the answers (N, K).

    None for ``right`` where the task has no right answers, and for ``outputs`` where they are large, as masks are.
    """

    score: float
    loss: float
    right: Tensor | None
    outputs: Tensor | None


@torch.no_grad()
def score(network: nn.Module, inputs: Tensor, targets: Tensor, task: Task = CLASSIFICATION) -> Performance:
    """Score a network, left in evaluation mode, on inputs (N, channels, *points) and targets (N, ...), in float32."""
    network.eval()
    right, kept = [], []
    loss = torch.zeros((), device=inputs.device, dtype=torch.float64)
    sums: Tensor | None = None
    size = at_once(inputs)
    for batch, wanted in zip(inputs.split(size), targets.split(size), strict=True):
        outputs = network(batch)
        if outputs.dim() == 2:
            kept.append(outputs)
        right.append(task.right(outputs, wanted))
        tally = task.tally(outputs, wanted)
        sums = tally if sums is None else sums + tally
        loss += task.loss(outputs, wanted, "sum")
    assert sums is not None, "nothing to score"
    # a loss that is a mean over the numbers of a target is one over examples too
    per_example = targets[0].numel() if targets.is_floating_point() else 1
    known = [each for each in right if each is not None]
    return Performance(
        task.value(sums),
        float(loss) / (len(inputs) * per_example),
        torch.cat(known) if len(known) == len(right) else None,
        torch.cat(kept) if kept else None,
    )
