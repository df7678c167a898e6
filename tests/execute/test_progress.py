"""What a run tells of itself."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench import heartbeat
from bench.execute.progress import Progress, duration
from bench.heartbeat import TRAINING, Beat
from bench.results.store import Record
from tests.fakes import make_cell, make_record


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
