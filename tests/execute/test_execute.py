"""Runs that are killed, stopped, shared and troubled."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from bench.errors import UserError
from bench.results import folder, tables
from bench.results.store import Store
from tests.execute.runs import COUNT, finished, ran, run_of, started, wait_for_shards
from tests.fakes import instant, make_cell, make_plan, same_runs, troubled


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("uninterrupted") / "results"
    code, output = finished(started(results, "brief", COUNT))
    assert code == 0, output
    return results


def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(uninterrupted: Path, tmp_path: Path) -> None:
    draw = random.Random(0)
    results = tmp_path / "results"
    for least in sorted(draw.sample(range(COUNT - 10), 4)):
        process = started(results, "brief", COUNT)
        wait_for_shards(results, least, process)
        time.sleep(draw.random() * 0.06)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        finished(process)
        assert process.returncode == -signal.SIGKILL
        assert not psutil.wait_procs(children, timeout=10)[1], "workers must end with the run"
    standing = len(Store(results).scan())
    assert 0 < standing < COUNT
    code, output = finished(started(results, "brief", COUNT))
    assert code == 0, output
    assert output.count(": accuracy") == COUNT - standing
    read, whole = tables.read(results), tables.read(uninterrupted)
    assert sorted(read.runs["cell_id"]) == sorted(make_cell(seed).cell_id for seed in range(COUNT))
    for name in tables.NAMES:
        same_runs(getattr(read, name), getattr(whole, name))
    assert not list(Store(results).folder.glob("*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_run_and_keeps_what_is_finished(number: signal.Signals, tmp_path: Path) -> None:
    results = tmp_path / "results"
    process = started(results, "endless", 10)
    wait_for_shards(results, 2, process)
    children = psutil.Process(process.pid).children(recursive=True)
    # a terminal sends it to the workers too; a cell that is endless would keep the process past the time limit
    os.killpg(process.pid, number)
    code, output = finished(process)
    assert code == 130
    assert output.splitlines()[-1] == "stopped with 8 of 10 cells to do; the same command goes on from here"
    assert "Traceback" not in output
    assert not psutil.wait_procs(children, timeout=5)[1]
    assert len(tables.read(results).runs) == 2


def test_a_closed_standard_output_stops_the_run_and_still_leaves_tables(tmp_path: Path) -> None:
    results = tmp_path / "results"
    process = started(results, "brief", COUNT)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=100) == 130
    assert 0 < len(tables.read(results).runs) < COUNT


def test_two_runs_of_one_folder_exclude_each_other(tmp_path: Path) -> None:
    results = tmp_path / "results"
    process = started(results, "endless", 10)
    wait_for_shards(results, 1, process)
    with (
        pytest.raises(UserError, match="another run is writing to"),
        folder.opened(results, make_plan([]).suite, [], fresh=False),
    ):
        pass
    process.kill()
    finished(process)


def test_a_worker_that_dies_costs_only_its_cell_and_the_next_run_repeats_it(tmp_path: Path) -> None:
    dying = make_cell(0, "dies once", family_options={"marker": str(tmp_path / "marker")})
    cells = [dying, *(make_cell(seed) for seed in range(1, 6))]
    store = ran(cells, troubled, tmp_path)
    assert run_of(store, dying)["status"] == "infra"
    assert "SIGKILL" in str(run_of(store, dying)["reason"])
    assert all(run_of(store, cell)["status"] == "done" for cell in cells[1:])
    ran([dying], troubled, tmp_path)
    assert run_of(store, dying)["status"] == "done"
    assert len(list(store.folder.iterdir())) == len(cells)


@pytest.mark.parametrize(
    ("label", "status", "reason"),
    [
        ("raises", "failed", "ZeroDivisionError: no data to divide"),
        ("exits", "infra", "the worker ended with exit code 3"),
    ],
)
def test_a_cell_that_fails_stops_no_other_and_says_why(label: str, status: str, reason: str, tmp_path: Path) -> None:
    failing = make_cell(0, label)
    cells = [failing, *(make_cell(seed) for seed in range(1, 5))]
    store = ran(cells, troubled, tmp_path, workers=1)
    assert (run_of(store, failing)["status"], run_of(store, failing)["reason"]) == (status, reason)
    assert [run_of(store, cell)["status"] for cell in cells[1:]] == ["done"] * 4


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [make_cell(seed) for seed in range(12)]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    built = [tables.build(ran(cells, instant, tmp_path / str(n), workers=n).shards()[0]) for n in (1, 3)]
    same_runs(built[0].runs, built[1].runs)
    assert set(built[0].runs["omp_threads"]) == {"1"}
