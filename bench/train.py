"""The training loop: one network, data on the device, a schedule, and a curve.

Every step is a function of (seed, step) and of the weights: the same cell gives the same numbers whatever ran before.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.cell import Budget
from bench.seeds import derive, generator

# (images, step) -> images, moved anew in every step
Augment = Callable[[Tensor, int], Tensor]
# network -> (accuracy, negative log-likelihood) on validation data
Validate = Callable[[nn.Module], tuple[float, float]]


@dataclass
class Fit:
    """What training gave: the curve, the steps done, seconds without evaluations, and the step of a divergence."""

    curve: list[dict[str, float | int]] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    diverged_at: int | None = None


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


def fit(
    network: nn.Module, images: Tensor, labels: Tensor, augment: Augment, validate: Validate, budget: Budget, seed: int
) -> Fit:
    """Train ``network`` in place on images (N, C, S, S) and labels (N,) that are already on its device.

    Leaves the last or the best weights in the network, as the budget says. A loss that is not finite ends it
    at the next evaluation, and the step that gave it is told.
    """
    device = images.device
    total = total_steps(budget, len(images))
    evaluate_after = evaluation_steps(budget, total)
    optimizer = _optimizer(network, budget)
    order = batches(len(images), budget.batch_size, seed)
    losses = torch.zeros(total, device=device)
    result = Fit()
    best: tuple[float, dict[str, Tensor]] | None = None
    _warm_up(network, images[: budget.batch_size], labels[: budget.batch_size], budget)
    since, evaluated_at = clock(device), 0
    network.train()
    with _dropout(seed, device):
        for step in range(total):
            index = next(order).to(device, non_blocking=True)
            batch = augment(images[index], step).contiguous(memory_format=torch.channels_last)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(budget, step, total)
            with autocast(budget, device):
                loss = F.cross_entropy(network(batch).float(), labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses[step] = loss.detach()
            if step + 1 not in evaluate_after:
                continue
            result.seconds += clock(device) - since
            result.steps = step + 1
            recent = losses[evaluated_at : step + 1]
            evaluated_at = step + 1
            if not recent.isfinite().all():
                first = int((~losses[: step + 1].isfinite()).nonzero()[0])
                result.diverged_at = first + 1
                return result
            accuracy, nll = validate(network)
            if not math.isfinite(nll):  # the last step was one too many
                result.diverged_at = step + 1
                return result
            network.train()
            if budget.checkpoint == "best" and (best is None or accuracy > best[0]):
                best = accuracy, {name: value.clone() for name, value in network.state_dict().items()}
            result.curve.append(
                {
                    "step": step + 1,
                    "epoch": (step + 1) * budget.batch_size / len(images),
                    "seconds": result.seconds,
                    "train_loss": float(recent.mean()),
                    "learning_rate": learning_rate(budget, step, total),
                    "validation_accuracy": accuracy,
                    "validation_nll": nll,
                }
            )
            since = clock(device)
    if best is not None:
        network.load_state_dict(best[1])
    return result


def autocast(budget: Budget, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context of the budget's precision; weights stay in float32 either way."""
    if budget.precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def clock(device: torch.device) -> float:
    """Return seconds, once the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


@contextmanager
def _dropout(seed: int, device: torch.device) -> Iterator[None]:
    """Give dropout, which draws from torch's own generators, a stream of the seed; they are left as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive(seed, "dropout"))
        yield


def _optimizer(network: nn.Module, budget: Budget) -> torch.optim.Optimizer:
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            (decayed if _decays(module, name, parameter) else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": budget.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if budget.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=budget.lr)
    return torch.optim.SGD(groups, lr=budget.lr, momentum=0.9, nesterov=True)


def _decays(module: nn.Module, name: str, parameter: Tensor) -> bool:
    """Tell whether weight decay is for a parameter: not biases, scales and thresholds, where it regularises nothing.

    Their shape tells; a module for which it does not names in ``decayed`` the parameters that are weights.
    """
    named: tuple[str, ...] | None = getattr(module, "decayed", None)
    return parameter.dim() > 1 if named is None else name in named


def _warm_up(network: nn.Module, images: Tensor, labels: Tensor, budget: Budget) -> None:
    """Run one step on a copy of the network, so that no first-use cost falls into the clock."""
    twin = copy.deepcopy(network).train()
    with torch.random.fork_rng(devices=[images.device] if images.is_cuda else []):
        with autocast(budget, images.device):
            loss = F.cross_entropy(twin(images.contiguous(memory_format=torch.channels_last)).float(), labels)
        loss.backward()
