"""The pool of workers."""

from __future__ import annotations

import contextlib
import os
from functools import partial

import psutil
import pytest

from bench import fitness, heartbeat
from bench.execute import job, pool
from bench.heartbeat import TRAINING, Beat
from bench.results.store import Record
from tests.fakes import instant, make_cell


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
