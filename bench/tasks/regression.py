"""Numbers for every input: the mean square error in training, and its root as the score."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.tasks.task import Reduction, Task


def _loss(outputs: Tensor, targets: Tensor, reduction: Reduction) -> Tensor:
    return F.mse_loss(outputs, targets, reduction=reduction)


def _tally(outputs: Tensor, targets: Tensor) -> Tensor:
    errors = (outputs - targets).double().square()
    return torch.stack([errors.sum(), torch.full_like(errors.sum(), errors.numel())])


def _spread(targets: Tensor) -> float:
    """Return the root mean square distance from the mean, which is the best constant answer."""
    return float((targets.double() - targets.double().mean(0)).square().mean().sqrt())


def _check(targets: Tensor, outputs: int) -> None:
    if not targets.dtype.is_floating_point or targets.dim() != 2 or targets.shape[1] != outputs:
        raise ValueError(f"targets must be floats (N, {outputs}), not {targets.dtype} {tuple(targets.shape)}")
    if not bool(targets.isfinite().all()):
        raise ValueError("targets must be finite numbers")


REGRESSION = Task(
    name="regression",
    score="rmse",
    loss=_loss,
    tally=_tally,
    value=lambda sums: float((sums[0] / sums[1]).sqrt()),
    right=lambda outputs, targets: None,
    agree=lambda one, other: None,
    strata=lambda targets: torch.zeros(len(targets), dtype=torch.int64),
    constant=_spread,
    check=_check,
)
