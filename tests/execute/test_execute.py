"""Running cells: what dies, raises or is interrupted takes nothing else with it, and nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from bench import fitness, heartbeat
from bench.cell import Cell
from bench.errors import UserError
from bench.execute import execute, job, pool
from bench.execute.progress import Progress, duration
from bench.heartbeat import TRAINING, Beat
from bench.results import folder, tables
from bench.results.store import Record, Store
from bench.run import Runner
from tests.fakes import instant, make_cell, make_plan, make_record, same_runs, troubled

COUNT = 60


def started(results: Path, runner: str, count: int, workers: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fakes", str(results), runner, str(count), str(workers)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=100)
    return process.returncode, output


def wait_for_shards(results: Path, count: int, process: subprocess.Popen[str]) -> None:
    while len(Store(results).scan()) < count and process.poll() is None:
        time.sleep(0.002)


def ran(cells: list[Cell], runner: Runner, results: Path, workers: int = 2, console: Console | None = None) -> Store:
    store = Store(results)
    with Progress(len(cells), console or Console(file=io.StringIO())) as progress:
        execute(cells, partial(runner, device="cpu", timing="shared"), store, progress, workers, one_thread=True)
    return store


def run_of(store: Store, cell: Cell) -> dict[str, object]:
    status = store.scan()[cell.cell_id]
    shard = store.read(cell.cell_id, status)
    assert shard is not None
    return shard.record.run


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


def test_closing_the_pool_early_leaves_no_worker() -> None:
    before = set(psutil.Process().children(recursive=True))
    groups = [(make_cell(seed),) for seed in range(9)]
    answers = pool.run(partial(instant, device="cpu", timing="shared"), groups, 2, True)
    (cell,), (record,) = next(answers)
    assert isinstance(record, Record)
    assert record.cell_id == cell.cell_id
    answers.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [child for child in left if "spawn_main" in " ".join(child.cmdline())]


def test_the_pool_gives_every_item_once_and_starts_no_more_workers_than_needed() -> None:
    assert list(pool.run(str, [], 4, True)) == []
    assert sorted(pool.run(str, range(20), 3, True)) == [(item, str(item)) for item in range(20)]


def wears_out(item: int) -> tuple[int, int]:
    """Tell the process; the second item leaves it unfit for others, as an error of a GPU does."""
    if item == 1:
        fitness.retire("CUDA error: device-side assert triggered")
    return item, os.getpid()


def test_a_worker_that_is_unfit_gives_its_answer_and_another_takes_its_place() -> None:
    answers = [answer for _, answer in pool.run(wears_out, range(4), workers=1, one_thread=True)]
    assert [answer[0] for answer in answers if not isinstance(answer, pool.Failure)] == [0, 1, 2, 3]
    processes = [answer[1] for answer in answers if not isinstance(answer, pool.Failure)]
    assert processes[0] == processes[1]
    assert processes[2] == processes[3]
    assert processes[1] != processes[2]


@pytest.mark.parametrize(
    ("error", "fit"),
    [(RuntimeError("CUDA error: an illegal memory access was encountered"), False), (ValueError("no"), True)],
)
def test_an_error_of_the_device_is_in_the_record_and_ends_the_worker(
    error: Exception, fit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(device: object) -> None:
        raise error

    monkeypatch.setattr(fitness, "_because", [])
    monkeypatch.setattr(job, "settle", raising)
    (record,) = job.run_cells([make_cell()], "cpu", "shared")
    assert record.run["status"] == "failed"
    assert str(error) in record.run["reason"]
    assert fitness.is_fit() is fit
    with pytest.raises(RuntimeError) if not fit else contextlib.nullcontext():
        job.run_cells([make_cell(0), make_cell(1)], "cpu", "shared")  # the pool runs them apart, in another process


def test_progress_is_one_plain_line_per_cell_where_there_is_no_terminal() -> None:
    text = io.StringIO()
    with Progress(2, Console(file=text)) as progress:
        progress.finished(make_cell(3), make_record(make_cell(3), test_score=0.5, transformed_score=0.25))
        progress.finished(make_cell(4), Record.without_result(make_cell(4), "failed", "no reason"))
    first, second = text.getvalue().splitlines()
    told = "[1/2] fake, strength 0.5, 100 images, seed 3: accuracy 0.500 upright, 0.250 transformed ("
    assert first.startswith(told)
    assert second.startswith("[2/2] fake, strength 0.5, 100 images, seed 4: failed: no reason (")
    assert second.endswith(", 0 s left)")


def test_a_cell_that_trains_for_long_has_a_line_every_few_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    text, now = io.StringIO(), [0.0]
    monkeypatch.setattr("bench.execute.progress.time.monotonic", lambda: now[0])
    cell = make_cell(3, "slow")
    with Progress(2, Console(file=text)) as progress:
        for seconds, step in ((0, 100), (60, 400), (119, 695), (121, 705), (200, 1100), (242, 1310)):
            now[0] = seconds
            progress.heard((cell,), Beat(TRAINING, step, 4705, 0.5))
        now[0] = 1000.0
        progress.finished(cell, Record.without_result(cell, "failed", "no reason"))
    lines = text.getvalue().splitlines()
    # 605 steps in 121 s, 4,000 to go
    assert lines[0] == "[0/2] slow, strength 0.5, 100 images, seed 3: step 705 of 4,705, loss 0.5, 13 min 20 s left"
    assert lines[1].startswith("[0/2] slow, strength 0.5, 100 images, seed 3: step 1,310 of 4,705, loss 0.5, ")
    assert lines[2].endswith("(3.6 cells an hour, 16 min 40 s left)")
    assert len(lines) == 3


def test_the_time_left_is_of_what_a_cell_does_now(monkeypatch: pytest.MonkeyPatch) -> None:
    text, now = io.StringIO(), [0.0]
    monkeypatch.setattr("bench.execute.progress.time.monotonic", lambda: now[0])
    cell = make_cell(3, "slow")
    with Progress(2, Console(file=text)) as progress:
        for seconds, beat in (
            (0, Beat(TRAINING, 4000, 4705, 0.5)),
            (100, Beat("scoring", 500, 50_000)),
            (130, Beat("scoring", 1000, 50_000)),
            (260, Beat("measuring equivariance", 64, None)),
        ):
            now[0] = seconds
            progress.heard((cell,), beat)
    named = "[0/2] slow, strength 0.5, 100 images, seed 3: "
    assert text.getvalue().splitlines() == [
        named + "scoring, 1,000 of 50,000 images, 49 min 00 s left",
        named + "measuring equivariance, 64 images",
    ]


def test_a_terminal_shows_the_cells_that_train() -> None:
    text = io.StringIO()
    cells = (make_cell(3, "one"), make_cell(4, "one"))
    with Progress(2, Console(file=text, force_terminal=True, width=120)) as progress:
        progress.heard(cells, Beat(TRAINING, 128, 6000, 1.25))
        progress.finished(cells[1], make_record(cells[1], test_score=0.5, transformed_score=0.25))
    shown = text.getvalue()
    assert "3 + 1" in shown
    assert "step 128 of 6,000, loss 1.25" in shown


def talks(item: int) -> int:
    for step in range(3):
        listener = heartbeat._listener
        assert listener is not None
        listener(Beat(TRAINING, step, 3, float(item)))
    return -item


def test_signs_of_life_reach_the_parent_beside_the_answers() -> None:
    heard: list[tuple[int, Beat]] = []
    answers = pool.run(talks, [1, 2, 3], 2, True, lambda item, beat: heard.append((item, beat)))
    assert sorted(answers) == [(1, -1), (2, -2), (3, -3)]
    assert sorted(heard, key=lambda each: (each[0], each[1].done)) == [
        (item, Beat(TRAINING, step, 3, float(item))) for item in (1, 2, 3) for step in range(3)
    ]
    assert sorted(pool.run(talks, [1], 1, True)) == [(1, -1)]


def test_a_training_gives_signs_of_life_apart_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Beat] = []
    monkeypatch.setattr(heartbeat, "_last", 0.0)
    heartbeat.listen(heard.append)
    try:
        now = [100.0]
        monkeypatch.setattr("bench.heartbeat.time.monotonic", lambda: now[0])
        for step in range(10):
            now[0] += 0.9
            heartbeat.beat(TRAINING, step, 10, lambda: 0.5)
    finally:
        heartbeat.listen(None)
    assert [beat.done for beat in heard] == [0, 3, 6, 9]
    heartbeat.beat(TRAINING, 10, 10, lambda: 1 / 0)  # nobody listens: the loss is not read


def test_progress_on_a_terminal_shows_the_last_results_and_the_time_left() -> None:
    text = io.StringIO()
    with Progress(2, Console(file=text, force_terminal=True, width=100)) as progress:
        progress.finished(make_cell(3, "steerable [C8]"), make_record(make_cell(3), test_score=0.5))
    assert "steerable [C8]" in text.getvalue()
    assert "1/2" in text.getvalue()
    assert "left" in text.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3 * 3600 + 605, "3 h 10 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
