"""What a cell will cost, from a few steps that are really run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch

from bench.cell import Cell
from bench.errors import one_line
from bench.execute.data import load_data
from bench.execute.inputs import CellInputs, own_moves
from bench.execute.prepare import prepared, trainee_of
from bench.execute.scoring import measure
from bench.execute.settle import settle
from bench.measure import Stage, peak_memory, score
from bench.measure.batches import at_once
from bench.networks.network import Network
from bench.tasks import task_of
from bench.train import Trainee, clock, evaluation_steps, fit_together, total_steps


@dataclass(frozen=True)
class Cost:
    """What a cell costs, from steps that were really run; times in seconds, memory in bytes.

    ``fixed_seconds`` is what does not depend on the length of training: building and measuring. Of cells that train
    together ``step_seconds`` are a cell's share of a step of all, and the memory is that of all. ``cpu_share`` is the
    share of the time in which the process had a processor, where it computes on one: less than 1 on a busy machine.
    """

    step_seconds: float
    fixed_seconds: float
    peak_memory_bytes: int | None
    cpu_share: float


def probe(cells: Sequence[Cell], device: str, steps: int = 3) -> Cost:
    """Run a few steps of cells that would train together, score some images, and return what one of them will cost."""
    where = torch.device(device)
    settle(where)
    cell = cells[0]
    network, inputs, _, built = prepared(cell, where)
    short = cell.budget.model_copy(update={"epochs": None, "steps": steps, "evaluations": 1})
    trainees = [replace(trainee_of(cell, network, inputs), budget=short)]
    for other in cells[1:]:
        of_other, inputs_of_other, _, _ = prepared(other, where)
        trainees.append(replace(trainee_of(other, of_other, inputs_of_other), budget=short))
    started = time.perf_counter(), time.process_time()
    step_seconds = _seconds(trainees) / steps
    dataset = load_data(cell.dataset, cell.dataset_options)
    images, targets = inputs.validation
    moves = own_moves(cell, dataset.shape)
    count = min(len(images), at_once(moves.still(images[:1], targets[:1])[0]), _affordable(cell, step_seconds))
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
    share = min(1.0, (time.process_time() - started[1]) / (time.perf_counter() - started[0]))
    fixed_seconds = built + per_image * scored + measured
    return Cost(step_seconds, fixed_seconds, peak_memory(where), share if where.type == "cpu" else 1.0)


def _seconds(trainees: Sequence[Trainee]) -> float:
    """Return the seconds of a training of each of the networks, beside one another if they can be."""

    def unseen(_: object) -> tuple[float, float]:
        return 0.0, 0.0

    if len(trainees) > 1:
        try:
            return fit_together(trainees, [unseen] * len(trainees))[0].seconds / len(trainees)
        except Exception as error:
            print(f"measured one by one, because together: {one_line(error)}", file=sys.stderr)
    return fit_together(trainees[:1], [unseen])[0].seconds


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
