"""Made-up cells and runners, for tests of what surrounds a training; ``python -m tests.fakes`` is a run of them."""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bench.cell import Budget, Cell, Measure
from bench.results.store import Record
from bench.run import carry_out

if TYPE_CHECKING:
    import pandas as pd


def make_cell(seed: int = 0, label: str = "fake", **changes: Any) -> Cell:
    content: dict[str, Any] = {
        "dataset": "digits",
        "dataset_options": {},
        "dataset_version": 1,
        "data_revision": "0",
        "train_size": 100,
        "family": "fake",
        "family_options": {},
        "family_version": 1,
        "width": 1.0,
        "match": None,
        "augmentation_group": "SO(2)",
        "resampling": "spline",
        "crop": "disc",
        "strength": 0.5,
        "copies": 0,
        "budget": Budget(steps=1),
        "measure": Measure(),
        "seed": seed,
        "label": label,
        "group": "C1",
        "suite": "made-up",
    }
    return Cell(**(content | changes))


def make_record(cell: Cell, **changes: Any) -> Record:
    """A full record whose numbers follow from the cell, but for the clock."""
    score = int(cell.cell_id[:4], 16) / 0xFFFF
    run = {
        "status": "done",
        "reason": None,
        "test_score": score,
        "transformed_score": score / 2,
        "parameters": 1000,
        "steps": 2,
        "train_seconds": time.perf_counter(),
        "finished_at": str(time.time()),
        **changes,
    }
    curves = [{"step": step, "epoch": step / 2, "seconds": time.perf_counter(), "train_loss": score} for step in (1, 2)]
    error = {
        "layer": "output",
        "element": "rotate 90",
        "kind": "rotation",
        "magnitude": 90.0,
        "unit": "degrees",
        "error": score,
    }
    error |= {"samples": 8, "metric": "relative", "metric_version": 1}
    return Record(cell.cell_id, run, curves, [{"stage": stage, **error} for stage in ("init", "trained")])


def make_plan(cells: list[Cell]) -> Any:
    suite = SimpleNamespace(name="made-up", seeding=None, model_dump=lambda mode: {"name": "made-up"})
    return SimpleNamespace(suite=suite, cells=tuple(cells), todo=tuple(cells), impossible={})


def same_runs(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Assert that two tables are equal to the last bit, the clock's columns aside."""
    # imported here, so that the workers that run these cells start at once
    from pandas.testing import assert_frame_equal

    from bench.results.columns import WALL_CLOCK

    left, right = (frame.drop(columns=list(WALL_CLOCK), errors="ignore") for frame in (one, other))
    assert_frame_equal(left, right, check_exact=True)


def one_by_one(function: Callable[[Cell, str, str], Record]) -> Callable[[Sequence[Cell], str, str], list[Record]]:
    """Make a runner of cells out of one of a cell; the decorated function keeps its name, by which it is pickled."""

    @functools.wraps(function)
    def run(cells: Sequence[Cell], device: str, timing: str, snapshots: Path | None = None) -> list[Record]:
        return [function(cell, device, timing) for cell in cells]

    return run


@one_by_one
def instant(cell: Cell, device: str, timing: str) -> Record:
    return make_record(cell, timing=timing, device=device, omp_threads=os.environ.get("OMP_NUM_THREADS"))


@one_by_one
def brief(cell: Cell, device: str, timing: str) -> Record:
    time.sleep(0.03)
    return make_record(cell)


@one_by_one
def endless(cell: Cell, device: str, timing: str) -> Record:
    """Give the first two cells and hang in the others."""
    if cell.seed > 1:
        time.sleep(600)
    return make_record(cell)


@one_by_one
def troubled(cell: Cell, device: str, timing: str) -> Record:
    """Raise, or die, as the cell's label says; ``dies once`` dies unless the marker in its options exists."""
    if cell.label == "raises":
        raise ZeroDivisionError("no data to divide")
    if cell.label == "exits":
        sys.exit(3)
    if cell.label == "dies once":
        marker = Path(cell.family_options["marker"])
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return make_record(cell)


def main() -> int:
    """Run ``COUNT`` cells with a runner of this module in ``RESULTS``, as far as they are not done."""
    from bench.results.store import Store

    results, runner, count, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    plan = make_plan([make_cell(seed) for seed in range(count)])
    standing = {cell_id for cell_id, status in Store(results).scan().items() if status == "standing"}
    plan.todo = tuple(cell for cell in plan.cells if cell.cell_id not in standing)
    # what is under test here is everything before the figures, which take seconds
    sys.modules["bench.figures"] = SimpleNamespace(draw_all=lambda tables, folder: [], skipped=lambda tables: {})  # type: ignore[assignment]
    # by its importable name: this module is __main__ here
    from tests import fakes

    return carry_out(plan, getattr(fakes, runner), results, "cpu", workers)


if __name__ == "__main__":
    sys.exit(main())
