"""Intervals over seeds: how often they cover the truth, and why there is one kind of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from bench.analysis.summary import interval, summarise

Draw = Callable[[np.random.Generator, int], np.ndarray]
NORMAL: tuple[Draw, float] = (lambda rng, n: rng.normal(0.9, 0.02, n), 0.9)
SKEWED: tuple[Draw, float] = (lambda rng, n: rng.beta(20, 1, n), 20 / 21)  # accuracies that crowd below 1


def coverage(
    draw: Draw, truth: float, seeds: int, ends: Callable[[np.ndarray], tuple[float, float]], count: int
) -> float:
    rng = np.random.default_rng(0)
    found = [ends(draw(rng, seeds)) for _ in range(count)]
    return float(np.mean([low <= truth <= high for low, high in found]))


def t_ends(values: np.ndarray) -> tuple[float, float]:
    found = interval(values)
    return found.low, found.high


def bca_ends(values: np.ndarray) -> tuple[float, float]:
    found = bootstrap((values,), np.mean, n_resamples=499, method="BCa", random_state=0).confidence_interval
    return float(found.low), float(found.high)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_of_a_mean_covers_the_truth_in_95_of_100_matrices(seeds: int) -> None:
    assert 0.93 <= coverage(*NORMAL, seeds, t_ends, 1000) <= 0.97


@pytest.mark.parametrize("kind", [NORMAL, SKEWED], ids=["normal", "skewed"])
def test_a_bootstrap_over_five_seeds_covers_it_less_often(kind: tuple[Draw, float]) -> None:
    assert coverage(*kind, 5, bca_ends, 300) < coverage(*kind, 5, t_ends, 300) - 0.03


def test_the_median_stands_beside_the_mean() -> None:
    found = interval([0.1, 0.8, 0.9])
    assert (found.mean, found.median) == (pytest.approx(0.6), 0.8)
    frame = pd.DataFrame({"label": ["a"] * 3, "value": [0.1, 0.8, 0.9]})
    row = summarise(frame, ["label"], "value").iloc[0]
    assert [row[key] for key in ("mean", "median", "low", "high", "n")] == pytest.approx(
        [found.mean, found.median, found.low, found.high, 3]
    )
