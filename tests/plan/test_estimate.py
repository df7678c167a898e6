"""What a plan says about time and memory follows from what its probes measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from bench.cell import Budget, Cell
from bench.execute import probe as probing
from bench.execute.inputs import CellInputs
from bench.execute.probe import Cost
from bench.plan.estimate import Estimate, busy, estimate, measured
from tests.fakes import make_cell

STEP_SECONDS, FIXED_SECONDS, MEMORY = 0.01, 2.0, 1000


def probe(cells: Sequence[Cell]) -> Cost:
    """Steps cost by the width, beside others half, and memory by the training set; one family cannot be measured."""
    cell = cells[0]
    if cell.label == "broken":
        raise ValueError("no such network")
    share = 0.5 if len(cells) > 1 else 1.0
    return Cost(STEP_SECONDS * share * (cell.width or 0), FIXED_SECONDS, MEMORY * len(cells) * cell.train_size, 1.0)


def estimated(cells: list[Cell], workers: int = 1, at_once: int = 1) -> Estimate:
    return estimate(cells, measured(cells, probe, workers, one_thread=True, at_once=at_once), workers)


def cell(label: str, seed: int = 0, **changes: Any) -> Cell:
    return make_cell(seed, label, **{"width": 1.0, "budget": Budget(epochs=2, batch_size=10), **changes})


def test_seconds_are_each_cells_own_steps_and_the_memory_is_that_of_the_largest_set() -> None:
    cells = [cell("a", seed, train_size=size) for seed in range(3) for size in (50, 100)]
    (line,) = estimated(cells).lines
    steps = 3 * (10 + 20)
    assert (line.label, line.cells, line.reason) == ("a", 6, None)
    assert line.seconds == pytest.approx(6 * FIXED_SECONDS + steps * STEP_SECONDS)
    assert line.peak_memory_bytes == 100 * MEMORY


def test_a_family_is_one_line_in_the_order_of_the_suite_whatever_its_widths() -> None:
    cells = [cell("b"), cell("a", width=2.0), cell("b", width=3.0)]
    made = estimated(cells, workers=2)
    assert [(line.label, line.cells) for line in made.lines] == [("b", 2), ("a", 1)]
    assert made.lines[0].seconds == pytest.approx(2 * FIXED_SECONDS + 20 * STEP_SECONDS * (1 + 3))


def test_workers_share_the_time_but_no_more_of_them_than_cells() -> None:
    cells = [cell("a", seed) for seed in range(4)]
    alone = estimated(cells).seconds
    assert estimated(cells, workers=2).seconds == pytest.approx(alone / 2)
    assert estimated(cells, workers=100).seconds == pytest.approx(alone / 4)


def disturbed(cells: Sequence[Cell]) -> Cost:
    return replace(probe(cells), cpu_share=0.25 if cells[0].label == "b" else 1.0)


def test_on_an_idle_machine_it_takes_the_time_in_which_the_probes_had_a_processor() -> None:
    cells = [cell("a"), cell("b", width=3.0), cell("b", 1, width=3.0)]
    made = estimate(cells, measured(cells, disturbed, 1, one_thread=True), workers=2)
    assert [line.idle_seconds for line in made.lines] == [made.lines[0].seconds, made.lines[1].seconds / 4]
    assert made.idle_seconds == pytest.approx((made.lines[0].seconds + made.lines[1].seconds / 4) / 2)


def test_cells_that_will_train_together_are_measured_together_as_many_as_there_are() -> None:
    budget = Budget(steps=20, batch_size=10)
    cells = [cell("a", seed, budget=budget, train_size=size) for seed in range(3) for size in (50, 100)]
    (line,) = estimated(cells, at_once=4).lines
    assert line.seconds == pytest.approx(6 * (FIXED_SECONDS + 20 * STEP_SECONDS / 2))
    assert line.peak_memory_bytes == 4 * 100 * MEMORY
    (alone,) = estimated(cells[:1], at_once=4).lines
    assert alone.seconds == pytest.approx(FIXED_SECONDS + 20 * STEP_SECONDS)


def test_a_family_that_cannot_be_measured_says_why_and_leaves_the_others() -> None:
    made = estimated([cell("a"), cell("broken", width=9.0)])
    assert made.lines[1].reason == "ValueError: no such network"
    assert math.isnan(made.seconds)
    assert made.lines[0].seconds > 0
    assert made.peak_memory_bytes == 100 * MEMORY


@pytest.mark.parametrize(("share", "told"), [(3.0, None), (80.0, "this machine is busy (its processors to 80 %)")])
def test_a_busy_machine_is_told(monkeypatch: pytest.MonkeyPatch, share: float, told: str | None) -> None:
    monkeypatch.setattr("bench.plan.estimate.psutil.cpu_percent", lambda interval: share)
    found = busy()
    assert found == told or (told and found and found.startswith(told))


@pytest.mark.parametrize(("total", "seen"), [(40, [40, 40]), (41, [5, 5, 10, 10]), (1000, [5, 5, 10, 10])])
def test_a_probe_measures_few_of_many_inputs_and_tells_the_time_of_all(
    total: int, seen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three seconds and a tenth for every input, at both stages, on a clock that nothing else moves."""
    now, shown = 0.0, []

    def measure(cell: Cell, network: object, inputs: CellInputs, *_: object) -> None:
        nonlocal now
        shown.append(len(inputs.transformed[1]))
        now += 3 + 0.1 * len(inputs.upright[1])

    monkeypatch.setattr(probing, "measure", measure)
    monkeypatch.setattr(probing, "clock", lambda device: now)
    examples = (torch.zeros(total, 1, 2, 2), torch.zeros(total))
    inputs = CellInputs(*[examples] * 6)
    seconds = probing._measuring(make_cell(), None, inputs, 10, torch.device("cpu"))  # type: ignore[arg-type]
    assert shown == seen
    assert seconds == pytest.approx(2 * (3 + 0.1 * total))


@pytest.mark.parametrize(("step_seconds", "count"), [(0.01, 30_000), (3.0, 100), (90.0, 3), (1e4, 2), (0.0, None)])
def test_a_probe_scores_what_ten_seconds_are_enough_for(step_seconds: float, count: int | None) -> None:
    affordable = probing._affordable(cell("a"), step_seconds)
    assert affordable == count if count else affordable > 1e9
