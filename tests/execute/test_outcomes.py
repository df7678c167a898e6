"""What a cell ends in, and the columns of its record."""

from __future__ import annotations

import time

import pytest
import torch

from bench.cell import Budget
from bench.domains.plane import image_shape
from bench.execute import scoring
from bench.execute.job import run_cell
from bench.networks.size import count_flops, count_parameters
from bench.suite import measure
from bench.train import loop
from tests.execute.toys import Spy, done, toy
from tests.fakes import make_cell

pytestmark = pytest.mark.usefixtures("toys")


@pytest.mark.parametrize(("share", "timing"), [(1.0, "exclusive"), (0.5, "shared")])
def test_exclusive_is_what_had_a_processor_all_the_time(
    monkeypatch: pytest.MonkeyPatch, share: float, timing: str
) -> None:
    """One worker alone does not make it so: another program may have had the processor."""
    monkeypatch.setattr(loop.time, "process_time", lambda: share * time.perf_counter())
    run = run_cell(toy(), "cpu", "exclusive").run
    assert run["cpu_share"] == pytest.approx(share, rel=0.05)
    assert run["timing"] == timing
    assert run_cell(toy(), "cpu", "shared").run["timing"] == "shared"


def test_divergence_names_the_step_and_measures_nothing_afterwards() -> None:
    cell = toy(budget=Budget(steps=6, batch_size=8, lr=1e38), measure=measure({"equivariance": {"samples": 4}}))
    record = run_cell(cell, "cpu", "exclusive")
    assert record.run["status"] == "diverged"
    assert "at step" in record.run["reason"]
    assert "test_score" not in record.run
    assert {row["stage"] for row in record.equivariance} == {"init"}


@pytest.mark.parametrize(
    ("trouble", "status"), [("device", "oom"), ("host", "oom"), ("allocator", "oom"), ("bug", "failed")]
)
def test_what_goes_wrong_is_in_the_record(trouble: str, status: str) -> None:
    run = run_cell(toy(family_options={"trouble": trouble}), "cpu", "shared").run
    assert (run["status"], run["timing"]) == (status, "shared")
    assert run["reason"]
    assert "\n" not in run["reason"]
    assert len(run["reason"]) < 400
    assert run["version"]


def test_data_that_changed_since_the_plan_is_refused() -> None:
    run = run_cell(toy(data_revision="another"), "cpu", "exclusive").run
    assert run["status"] == "failed"
    assert "changed since the cell was planned" in run["reason"]


def test_sizes_settings_and_times_are_told(spy: Spy) -> None:
    run = done(toy()).run
    assert run["parameters"] == count_parameters(spy.network) == 256 * 3 + 3 + 3 * 2 + 2
    assert run["flops_per_example"] == count_flops(spy.network, image_shape(1, 16, 2)) == 2 * (256 * 3 + 3 * 2)
    assert (run["width"], run["steps"], run["lr"], run["batch_size"]) == (3.0, 12, 0.02, 8)
    assert run["examples_per_second"] == pytest.approx(12 * 8 / run["train_seconds"])
    assert 0 < run["build_seconds"] + run["train_seconds"] < run["total_seconds"]
    assert run["threads"] == torch.get_num_threads() == 1
    assert run["peak_memory_bytes"] > 2**20


def test_equivariance_is_measured_at_init_and_after_training_and_mirrored_where_the_group_is() -> None:
    asked = measure({"equivariance": {"angles": [30, 90], "samples": 6}})
    record = done(toy(measure=asked, augmentation_group="O(2)"))
    rows = {(r["stage"], r["layer"], r["magnitude"], r["kind"]): r for r in record.equivariance}
    elements = {(degrees, kind) for _, _, degrees, kind in rows}
    assert elements == {(30.0, "rotation"), (90.0, "rotation"), (0.0, "mirrored rotation")}
    assert {layer for _, layer, *_ in rows} == {"input", "image", "hidden", "output"}
    init, trained = (rows[stage, "output", 90.0, "rotation"] for stage in ("init", "trained"))
    assert init["samples"] == trained["samples"] == 6
    assert init["error"] != trained["error"]
    ends = [rows[("trained", "output", *element)] for element in elements]
    assert record.run["equivariance_error_max"] == max(row["error"] for row in ends)
    assert record.run["invariance_rate"] == pytest.approx(sum(row["invariance_rate"] for row in ends) / 3)
    unmirrored = done(toy(measure=asked))
    assert {row["kind"] for row in unmirrored.equivariance} == {"rotation"}


@pytest.mark.parametrize(
    ("target", "expected"), [(None, None), (0.5, 1.0), (0.7, 2.0), (0.85, 4.0), (0.95, None)], ids=str
)
def test_seconds_to_target_are_those_of_the_first_evaluation_that_reaches_it(
    target: float | None, expected: float | None
) -> None:
    reached = [{"seconds": 1.0 + i, "validation_score": value} for i, value in enumerate((0.5, 0.8, 0.6, 0.9))]
    cell = make_cell(measure=measure({"target_score": target}))
    assert scoring.seconds_to_target(cell, reached) == expected
