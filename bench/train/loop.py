"""The training loop: data on the device, a schedule, evaluations, and a curve.

Every step is a function of (seed, step) and of the weights: the same cell gives the same numbers whatever ran before.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bench.heartbeat import TRAINING, beat
from bench.scores import SCORES
from bench.seeds import derive
from bench.train.capture import captured
from bench.train.schedule import evaluation_steps, learning_rate, total_steps
from bench.train.snapshot import Snapshots
from bench.train.statistics import recount
from bench.train.step import BLOCK, Step, Trainee

# network -> (score, loss) on validation data, and where it is asked the score on the same data moved by the whole group
Validate = Callable[[nn.Module], tuple[float, ...]]


@dataclass
class Fit:
    """What training gave: the curve, the steps done, seconds without evaluations, and the step of a divergence.

    ``cpu_seconds`` are those in which this process had a processor: on a CPU that is its own, all of them.
    ``earlier_seconds`` are those of a process that was stopped. ``launch`` is how a GPU was told of a step: as one
    ``graph``, or by ``kernels``.
    """

    curve: list[dict[str, float | int]] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    earlier_seconds: float = 0.0
    diverged_at: int | None = None
    launch: str | None = None


def fit(trainee: Trainee, validate: Validate, snapshots: Snapshots | None = None) -> Fit:
    """Train a network in place on inputs and targets that are already on its device.

    Leaves the last or the best weights in the network, as the budget says. A loss that is not finite ends it
    at the next evaluation, and the step that gave it is told. Goes on from the last of the ``snapshots`` as if
    it had never stopped, bit for bit where the device computes so; whoever has the result in safety removes them.
    """
    return fit_together([trainee], [validate], snapshots)[0]


def fit_together(
    trainees: Sequence[Trainee], validates: Sequence[Validate], snapshots: Snapshots | None = None
) -> list[Fit]:
    """Train networks side by side, each as `fit` would; their seconds are those of all of them.

    ValueError where they differ in what a step has in common: the number of steps, batch size, evaluations, optimizer
    and precision.
    """
    device = trainees[0].inputs.device
    total = _in_common(trainees)
    evaluate_after = evaluation_steps(trainees[0].budget, total)
    outcomes = [_Outcome(trainee, validate, total) for trainee, validate in zip(trainees, validates, strict=True)]
    with _dropout(trainees[0].seed, device):
        step = Step(trainees, total)
        advance = captured(step) if device.type == "cuda" else step
        if device.type == "cuda":
            for outcome in outcomes:
                outcome.fit.launch = "kernels" if advance is step else "graph"
        watch, evaluated_at, first = _Watch(device), 0, 0
        if snapshots and (kept := snapshots.load(device)):
            first, evaluated_at = _restored(kept, step, outcomes, watch)
            print(f"goes on after {first:,} of {total:,} steps, from {snapshots.path}", file=sys.stderr)
        watch.start()
        for done in range(first + 1, total + 1):
            if (done - 1) % BLOCK == 0:
                if snapshots and snapshots.due:
                    watch.stop()
                    snapshots.keep(_state(step, outcomes, done - 1, watch, evaluated_at))
                    watch.start()
                step.load(done - 1)
                beat(TRAINING, done - 1, total, lambda last=done - 2: float(step.losses[:, last].mean()))  # type: ignore[misc]
            advance()
            if done not in evaluate_after:
                continue
            watch.stop()
            for outcome, losses in zip(outcomes, step.losses[:, :done], strict=True):
                if outcome.fit.diverged_at is None:
                    outcome.evaluate(done, watch, losses, evaluated_at)
            if all(outcome.fit.diverged_at is not None for outcome in outcomes):
                break
            evaluated_at = done
            watch.start()
        if snapshots and snapshots.path.exists() and first < total:
            # scoring may take long too: whoever is stopped in it goes on from here
            snapshots.keep(_state(step, outcomes, done, watch, evaluated_at))
    return [outcome.finished() for outcome in outcomes]


class _Watch:
    """The seconds on the clock, and those of them in which this process had a processor, while it runs."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = self.cpu_seconds = 0.0

    def start(self) -> None:
        self._since = clock(self.device), time.process_time()

    def stop(self) -> None:
        self.seconds += clock(self.device) - self._since[0]
        self.cpu_seconds += time.process_time() - self._since[1]


def _state(step: Step, outcomes: Sequence[_Outcome], done: int, watch: _Watch, evaluated_at: int) -> dict[str, Any]:
    """Return all that the rest of a training depends on, after ``done`` steps, as tensors and plain values."""
    return {
        "done": done,
        "seconds": (watch.seconds, watch.cpu_seconds),
        "evaluated_at": evaluated_at,
        "losses": step.losses[:, :done].clone(),
        "trainees": step.state(),
        "outcomes": [{"fit": asdict(outcome.fit), "best": outcome.best} for outcome in outcomes],
        "dropout": torch.get_rng_state() if watch.device.type == "cpu" else torch.cuda.get_rng_state(watch.device),
    }


def _restored(kept: dict[str, Any], step: Step, outcomes: Sequence[_Outcome], watch: _Watch) -> tuple[int, int]:
    """Put what `_state` returned in its place; return the steps done, and the step last evaluated at."""
    device = watch.device
    watch.seconds, watch.cpu_seconds = kept["seconds"]
    step.restore(kept["trainees"], kept["done"], kept["losses"])
    for outcome, state in zip(outcomes, kept["outcomes"], strict=True):
        outcome.fit, outcome.best = Fit(**state["fit"]), state["best"]
        outcome.fit.earlier_seconds = watch.seconds
    if device.type == "cpu":
        torch.set_rng_state(kept["dropout"])
    else:
        torch.cuda.set_rng_state(kept["dropout"].cpu(), device)
    return kept["done"], kept["evaluated_at"]


def clock(device: torch.device) -> float:
    """Return seconds, once the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _in_common(trainees: Sequence[Trainee]) -> int:
    """Return the number of steps; ValueError if the trainees cannot share their steps."""
    names = ("batch_size", "optimizer", "evaluations", "precision")
    shared = {
        (total_steps(each.budget, len(each.inputs)), *(getattr(each.budget, name) for name in names))
        for each in trainees
    }
    if len(shared) > 1:
        raise ValueError(f"networks that train together have the same steps, {', '.join(names)}; found {shared}")
    return int(shared.pop()[0])


class _Outcome:
    """What becomes of one trainee: its curve, its best weights, its divergence."""

    def __init__(self, trainee: Trainee, validate: Validate, total: int) -> None:
        self.trainee, self.validate, self.total = trainee, validate, total
        self.fit = Fit()
        self.best: tuple[float, dict[str, Tensor]] | None = None

    def evaluate(self, done: int, watch: _Watch, losses: Tensor, evaluated_at: int) -> None:
        """Add a row to the curve, or note the divergence, after so many steps, whose losses are given."""
        network, budget = self.trainee.network, self.trainee.budget
        self.fit.seconds, self.fit.cpu_seconds, self.fit.steps = watch.seconds, watch.cpu_seconds, done
        recent = losses[evaluated_at:]
        if not recent.isfinite().all():
            self.fit.diverged_at = int((~losses.isfinite()).nonzero()[0]) + 1
            return
        if budget.statistics == "recounted":
            recount(self.trainee, done)
        score, loss, *transformed = self.validate(network)
        if not math.isfinite(loss):  # the last step was one too many
            self.fit.diverged_at = done
            return
        network.train()
        if budget.checkpoint == "best" and (self.best is None or self._good(score) > self.best[0]):
            self.best = self._good(score), {name: value.clone() for name, value in network.state_dict().items()}
        self.fit.curve.append(
            {
                "step": done,
                "epoch": done * budget.batch_size / len(self.trainee.inputs),
                "seconds": watch.seconds,
                "train_loss": float(recent.mean()),
                "learning_rate": learning_rate(budget, done - 1, self.total),
                "validation_score": score,
                "validation_loss": loss,
                **({"transformed_validation_score": transformed[0]} if transformed else {}),
            }
        )

    def _good(self, score: float) -> float:
        return float(SCORES[self.trainee.task.score].scaled(score))

    def finished(self) -> Fit:
        """Return the fit, after putting the best weights back where the budget asks for them."""
        if self.best is not None and self.fit.diverged_at is None:
            self.trainee.network.load_state_dict(self.best[1])
        return self.fit


@contextmanager
def _dropout(seed: int, device: torch.device) -> Iterator[None]:
    """Give dropout, which draws from torch's own generators, a stream of the seed; they are left as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive(seed, "dropout"))
        yield
