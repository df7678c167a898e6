"""The frontier of compute, and time at matched accuracy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.frontier import PASSES, frontier
from bench.analysis.matched_time import matched_time
from tests.analysis.accuracies import ahead
from tests.matrices import matrix


def test_a_frontier_rises_and_holds_the_best_setting_of_every_budget() -> None:
    tables = matrix(ahead)
    table = frontier(tables, "flops")
    for label, rows in table.groupby("label"):
        assert rows["budget"].is_monotonic_increasing
        assert rows["budget"].is_unique
        assert rows["mean"].is_monotonic_increasing
        best = tables.runs[tables.runs["label"] == label].groupby(["train_size", "strength"])["test_score"].mean()
        last = rows.iloc[-1]
        assert (last["train_size"], last["strength"]) == best.idxmax()
        assert last["mean"] == pytest.approx(best.max())
        assert last["budget"] == PASSES * 1e6 * 32 * 400
        assert last["low"] < last["mean"] < last["high"]
    assert frontier(tables, "seconds")["budget"].max() == pytest.approx(4.0)


def test_a_setting_that_lacks_a_seed_is_not_on_the_frontier() -> None:
    tables = matrix(lambda label, size, strength, seed: 0.9 if size == 1000 else 0.5)
    lost = (tables.curves["train_size"] == 1000) & (tables.curves["seed"] == 4)
    fewer = replace(tables, curves=tables.curves[~lost])
    assert set(frontier(fewer, "seconds")["train_size"]) == {100}


# matched time


def test_matched_time_is_where_the_curve_crosses_what_all_families_reach() -> None:
    table = matched_time(matrix(lambda label, *_: 0.8 if label == "cnn" else 0.4))
    assert set(table["target"]) == {0.4}
    by_label = table.groupby("label")["seconds"].max()
    assert by_label["steerable C8"] == pytest.approx(4.0)  # the whole training
    assert by_label["cnn"] == pytest.approx(2.0)  # its curve is a line through half of it
    assert (table["reached"] == table["n"]).all()


def test_a_setting_that_never_gets_there_is_infinitely_long() -> None:
    table = matched_time(matrix(lambda label, size, strength, seed: 0.8 if strength else 0.4))
    never = table[table["strength"] == 0]
    assert np.isinf(never["seconds"]).all()
    assert (never["reached"] == 0).all()
