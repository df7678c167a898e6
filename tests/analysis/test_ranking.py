"""The best, and what is not told apart from it."""

from __future__ import annotations

import numpy as np
import pytest

from bench.analysis.ranking import ranking
from tests.analysis.accuracies import scarce
from tests.matrices import matrix


def test_the_best_is_tied_with_what_is_not_told_apart_from_it() -> None:
    table = ranking(matrix(scarce).runs).set_index(["label", "train_size", "strength"])
    assert table.loc[("cnn", 100, 0.0), "tied"] == False  # noqa: E712
    assert table.loc[("cnn", 100, 0.0), "gap"] == pytest.approx(0.2, abs=1e-3)
    assert table.loc[("cnn", 1000, 1.0), "tied"]
    assert table.loc[("steerable C8", 100, 0.0), "tied"]


def test_less_is_better_of_an_error() -> None:
    tables = matrix(lambda *_: 0.5)
    tables.runs["test_loss"] = np.where(tables.runs["label"] == "cnn", 0.3, 0.6) + tables.runs["seed"] / 1000
    table = ranking(tables.runs, "test_loss").set_index("label")
    assert set(table.loc["cnn", "tied"]) == {True}
    assert set(table.loc["steerable C8", "tied"]) == {False}


def test_one_seed_names_no_best() -> None:
    assert not ranking(matrix(scarce, seeds=1).runs)["tied"].any()
