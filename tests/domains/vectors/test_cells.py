"""Whole cells, of which targets move with their inputs."""

from __future__ import annotations

import pytest

from bench.domains.vectors import (
    DOMAIN,
)
from bench.errors import UserError
from bench.execute.job import run_cell, run_cells
from bench.plan.matrix import make
from bench.suite import parse
from tests.domains.vectors.cases import FLOAT32, SUITE


def test_cells_run_and_their_targets_move_with_their_inputs() -> None:
    for cell in make(parse(SUITE), set(), "suite").todo:
        run = run_cell(cell, "cpu", "exclusive")
        assert run.run["status"] == "done", run.run["reason"]
        assert (cell.domain, cell.task, cell.score, cell.augmentation_group) == (
            "vectors",
            "regression",
            "rmse",
            "O(3)",
        )
        assert run.run["resampled_score"] == run.run["test_score"]
        assert run.run["test_right"] is None
        assert 0 < run.run["chance_score"] < 10
        assert "ece_upright" not in run.run
        if cell.family == "emlp":
            # an equivariant network is as good on moved inputs, only if targets move as they do
            assert run.run["transformed_score"] == pytest.approx(run.run["test_score"], rel=0.05)
            assert run.run["equivariance_error_max"] < FLOAT32
        assert {row["unit"] for row in run.equivariance} == {"degrees"}


def test_copies_move_their_targets_too() -> None:
    fixed = {**SUITE, "augmentation": {"strengths": [1], "copies": 3}}
    for cell in make(parse(fixed), set(), "suite").todo:
        assert run_cell(cell, "cpu", "exclusive").run["status"] == "done"


def test_cells_that_train_together_are_those_that_train_alone() -> None:
    cells = [cell for cell in make(parse({**SUITE, "seeds": 2}), set(), "s").todo if cell.strength == 0]
    emlp = [cell for cell in cells if cell.family == "emlp"]
    together = run_cells(emlp, "cpu", "shared")
    for record, cell in zip(together, emlp, strict=True):
        alone = run_cell(cell, "cpu", "shared")
        assert record.run["test_score"] == pytest.approx(alone.run["test_score"], rel=1e-3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"augmentation": {"group": "O(5)"}}, r"augmentation.group: O\(5\) does not act on O\(3\): 5S \+ 5V"),
        ({"augmentation": {"group": "SO(2) "}}, "augmentation.group: unknown group"),
        ({"augmentation": {"resampling": "spline"}}, "augmentation.resampling: should be 'none'; found 'spline'"),
        ({"families": [{"family": "cnn"}]}, "cnn takes inputs of the domain plane, not of vectors"),
        ({"measure": {"calibration": True}}, "measure.calibration: it does not measure the task regression"),
        ({"data": {**SUITE["data"], "crop": "disc"}}, "data.crop: should be 'none'"),  # type: ignore[dict-item]
    ],
)
def test_what_does_not_go_together_is_one_sentence(change: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        make(parse({**SUITE, **change}, "s.yaml"), set(), "s.yaml")


def test_a_family_of_vectors_is_refused_for_images() -> None:
    raw = {**SUITE, "data": {"name": "digits", "train_sizes": [100]}}
    with pytest.raises(UserError, match="mlp takes inputs of the domain vectors, not of plane"):
        make(parse(raw), set(), "suite")


def test_the_domain_says_what_moves_it() -> None:
    assert DOMAIN.name == "vectors"
    assert str(DOMAIN.group("SO(3)")) == "SO(3)"
    assert DOMAIN.group(DOMAIN.default_group).keeps_grid
