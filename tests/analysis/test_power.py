"""How many seeds a difference needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from bench.analysis.power import POWER, power, seeds_needed, sentences, sequentially
from tests.matrices import matrix


@pytest.mark.parametrize(
    ("difference", "deviation", "level"), [(0.02, 0.02, 0.05), (0.05, 0.02, 0.05), (0.02, 0.03, 0.01)]
)
def test_the_seeds_needed_are_the_least_that_have_the_power(difference: float, deviation: float, level: float) -> None:
    n = int(seeds_needed(difference, deviation, level))
    draws = np.random.default_rng(0).normal(difference, deviation, (40_000, n))
    found = [(ttest_1samp(draws[:, :count], 0, axis=1).pvalue < level).mean() for count in (n - 1, n)]
    assert found[1] >= POWER - 0.01
    assert found[0] <= POWER + 0.01


def test_no_noise_needs_two_seeds_and_too_much_has_no_end() -> None:
    assert seeds_needed(0.02, 0.0) == 2
    assert seeds_needed(0.001, 0.5) == math.inf
    assert sequentially(0.02, 0.0)[0] == 1


def test_looking_several_times_takes_fewer_seeds_where_the_difference_is_large() -> None:
    found, expected = sequentially(0.1, 0.025)
    assert found > 0.99
    assert expected < 5
    assert sequentially(0.0, 0.025)[0] == pytest.approx(0.05, abs=0.01)


def test_every_pair_of_a_plain_and_an_equivariant_network_has_a_row() -> None:
    rng = np.random.default_rng(0)
    tables = matrix(lambda label, *_: float(rng.normal(0.8, 0.03 if label == "cnn" else 0.0)), seeds=12)
    table = power(tables.runs, 0.02)
    assert set(table["label"]) | set(table["other"]) >= {"cnn", "steerable C8"}
    assert ((table["label"] == "cnn") | (table["other"] == "cnn")).all()
    assert table["deviation"].mean() == pytest.approx(0.03, rel=0.2)
    assert (table["deviation_high"] > table["deviation"]).all()
    assert (table["fixed_high"] >= table["fixed"]).all()
    lines = sentences(table, 0.02)
    assert "a difference of 2 points in 80% of experiments" in lines[0]
    assert len(lines) == 2 + len(table)


def test_one_seed_says_nothing_of_noise() -> None:
    lines = sentences(power(matrix(lambda *_: 0.5, seeds=1).runs, 0.02), 0.02)
    assert lines == ["no plain and equivariant network share two seeds in one setting: nothing tells their noise"]
