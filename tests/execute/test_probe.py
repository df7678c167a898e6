"""What a probe of a cell counts."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from bench.cell import Budget
from bench.data.dataset import Dataset
from bench.execute import data, prepare
from bench.execute import probe as probing
from bench.execute.probe import probe
from bench.suite import measure
from bench.train import Trainee
from tests.execute.toys import done, toy

pytestmark = pytest.mark.usefixtures("toys")


class Ticks:
    """A clock that advances by one second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self, device: Any = None) -> float:
        self.now += 1
        return self.now


def test_a_probe_counts_building_every_scoring_and_both_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking = Ticks()
    for room in (prepare, probing):
        monkeypatch.setattr(room, "clock", ticking)
    asked = measure(
        {"equivariance": {"angles": [90], "samples": 6}, "calibration": None, "transforms": 2, "test_images": 15}
    )
    cost = probe([toy(budget=Budget(epochs=4, batch_size=8, evaluations=3), measure=asked)], "cpu")
    # one second to build, one to score 30 images, one for the measurements at both stages;
    # scored are (2 x 3 + 3) x 30 validation and (2 + 2 x 2) x 15 test images
    assert cost.fixed_seconds == pytest.approx(1 + (9 * 30 + 6 * 15) / 30 + 1)
    assert cost.step_seconds > 0
    assert (cost.peak_memory_bytes or 0) > 2**20


@pytest.mark.parametrize("refused", [False, True])
def test_a_probe_of_cells_that_train_together_tells_the_share_of_one(
    refused: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of ten seconds for all of them, or of all ten where they turn out not to train beside one another."""
    trained = []

    def fit_together(trainees: Sequence[Trainee], validates: Any) -> list[Any]:
        trained.append([trainee.seed for trainee in trainees])
        if refused and len(trainees) > 1:
            raise RuntimeError("no two of these")
        return [SimpleNamespace(seconds=10.0) for _ in trainees]

    monkeypatch.setattr(probing, "fit_together", fit_together)
    cost = probe([toy(seed=seed) for seed in range(4)], "cpu", steps=5)
    assert cost.step_seconds == (2.0 if refused else 0.5)
    assert [len(seeds) for seeds in trained] == ([4, 1] if refused else [4])
    assert len(set(trained[0])) == 4
    assert ("one by one, because together: RuntimeError: no two of these" in capsys.readouterr().err) == refused


def test_building_does_not_count_what_is_imported_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks()
    monkeypatch.setattr(prepare, "clock", ticks)
    load = data.load_data

    def slow(*arguments: Any) -> Dataset:
        ticks.now += 100
        return load(*arguments)

    monkeypatch.setattr(prepare, "load_data", slow)
    assert done(toy()).run["build_seconds"] == 1
