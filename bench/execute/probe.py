"""What a cell will cost, from a few steps that are really run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import torch

from bench.cell import Cell
from bench.execute.data import load_data
from bench.execute.inputs import CellInputs, own_moves
from bench.execute.prepare import prepared, trainee_of
from bench.execute.scoring import measure
from bench.execute.settle import settle
from bench.measure import Stage, peak_memory, score
from bench.measure.batches import at_once
from bench.networks.network import Network
from bench.tasks import task_of
from bench.train import clock, evaluation_steps, fit, total_steps


@dataclass(frozen=True)
class Cost:
    """What a cell costs, from steps that were really run; times in seconds, memory in bytes.

    ``fixed_seconds`` is what does not depend on the length of training: building and measuring.
    """

    step_seconds: float
    fixed_seconds: float
    peak_memory_bytes: int | None


def probe(cell: Cell, device: str, steps: int = 3) -> Cost:
    """Run a few steps of a cell, score some images, and return what the whole cell will cost."""
    where = torch.device(device)
    settle(where)
    network, inputs, _, built = prepared(cell, where)
    short = cell.budget.model_copy(update={"epochs": None, "steps": steps, "evaluations": 1})
    result = fit(replace(trainee_of(cell, network, inputs), budget=short), lambda _: (0.0, 0.0))
    dataset = load_data(cell.dataset, cell.dataset_options)
    images, targets = inputs.validation
    moves = own_moves(cell, dataset.shape)
    count = min(
        len(images), at_once(moves.still(images[:1], targets[:1])[0]), _affordable(cell, result.seconds / steps)
    )
    began = clock(where)
    score(network, *moves.still(images[:count], targets[:count]), task_of(dataset.shape))
    per_image = (clock(where) - began) / count
    evaluations = len(evaluation_steps(cell.budget, total_steps(cell.budget, cell.train_size)))
    # validation, own and transformed, each time, both and upright at the end, then test images: upright and resampled
    # once, moved exactly and by the whole group as often as asked
    scored = (2 * evaluations + 3) * len(inputs.validation[1]) + (2 + 2 * cell.measure.transforms) * len(
        inputs.upright[1]
    )
    measured = _measuring(cell, network, inputs, count, where)
    return Cost(result.seconds / steps, built + per_image * scored + measured, peak_memory(where))


#: Seconds that scoring may take in a probe, about.
_SECONDS = 10.0


def _affordable(cell: Cell, step_seconds: float) -> int:
    """Return how many inputs are scored in that time, if a step takes three times as long as answers to its batch."""
    return max(2, int(_SECONDS * 3 * cell.budget.batch_size / max(step_seconds, 1e-9)))


#: So many times the inputs that a network is shown at once are all measured in a probe.
_MEASURED = 4


def _measuring(cell: Cell, network: Network, inputs: CellInputs, count: int, device: torch.device) -> float:
    """Return the seconds that all measurements take; of many inputs by a line through those of half as few and few."""

    def seconds(given: CellInputs) -> float:
        began = clock(device)
        for stage in get_args(Stage):
            measure(cell, network, given, stage, {}, [])
        return clock(device) - began

    total = len(inputs.upright[1])
    if total <= _MEASURED * count:
        return seconds(inputs)
    half, few = (seconds(_first(inputs, part)) for part in (-(-count // 2), count))
    return few + max(0.0, few - half) / max(count // 2, 1) * (total - count)


def _first(inputs: CellInputs, count: int) -> CellInputs:
    """Return inputs with so many of each kind that measurements see."""
    upright, transformed = (
        (examples[:count], targets[:count]) for examples, targets in (inputs.upright, inputs.transformed)
    )
    return replace(inputs, upright=upright, transformed=transformed)
