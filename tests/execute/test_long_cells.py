"""Cells that are stopped while they are scored, and signs of life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import heartbeat
from bench.cell import Budget
from bench.execute import job
from bench.execute.job import run_cell
from bench.suite import measure
from bench.train import snapshot
from tests.execute.toys import done, toy

pytestmark = pytest.mark.usefixtures("toys")


class StoppedError(BaseException):
    """What the process was ended by."""


def test_a_cell_that_was_stopped_while_it_was_scored_is_not_trained_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = toy(strength=0.5, budget=Budget(steps=100, batch_size=10, evaluations=2, checkpoint="best"))
    expected = done(cell)
    monkeypatch.setattr(snapshot, "APART", 0.0)
    with monkeypatch.context() as stopped:

        def stop(*scored: Any) -> None:
            raise StoppedError

        stopped.setattr(job, "scores", stop)
        with pytest.raises(StoppedError):
            run_cell(cell, "cpu", "exclusive", tmp_path / "snapshots")
    assert "goes on" not in capsys.readouterr().err
    record = run_cell(cell, "cpu", "exclusive", tmp_path / "snapshots")
    assert "goes on after 100 of 100 steps" in capsys.readouterr().err
    assert not (tmp_path / "snapshots").exists()
    assert 0 < record.run["build_seconds"] + record.run["train_seconds"] < record.run["total_seconds"]
    for name in ("steps", "test_loss", "transformed_loss", "validation_loss", "test_right"):
        assert record.run[name] == expected.run[name]
    curves = [[{k: v for k, v in row.items() if k != "seconds"} for row in each.curves] for each in (record, expected)]
    assert curves[0] == curves[1]


def test_scoring_and_measuring_give_signs_of_life_too(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[heartbeat.Beat] = []
    monkeypatch.setattr(heartbeat, "APART", 0.0)
    heartbeat.listen(heard.append)
    try:
        cell = toy(strength=0.5, measure=measure({"equivariance": None, "orbit": {}, "roc": {}}))
        done(cell)
    finally:
        heartbeat.listen(None)
    kinds = list(dict.fromkeys(beat.doing for beat in heard))
    # calibration and areas under curves are of the answers that were scored
    assert kinds == ["training", "scoring", "measuring orbit"]
    scored = [beat for beat in heard if beat.doing == "scoring"]
    assert all(beat.loss is None for beat in scored)
    # all that is scored was announced, and no more
    assert scored[-1].done == scored[-1].total
    assert {beat.total for beat in scored} == {scored[-1].total}
    measured = [beat for beat in heard if beat.doing == "measuring orbit"]
    assert measured[-1].done > 0
    assert measured[-1].total is None
    done(cell)  # nobody listens
