"""Exchange rates: known answers on synthetic curves, bounds, and how often the interval covers the truth."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from bench.analysis.crossing import Crossing, crossing
from bench.analysis.exchange import exchange_rates, telling
from bench.analysis.printed import printed
from bench.results.tables import Tables

SIZES = np.array([100.0, 300, 1000, 3000, 12000])


def crossing_of(amounts: np.ndarray, scores: np.ndarray, level: np.ndarray, **kwargs: float) -> Crossing:
    """The crossing of accuracies."""
    return crossing(amounts, 1 - scores, 1 - level, **kwargs)


def error(amount: np.ndarray | float) -> np.ndarray:
    """A learning curve that is a power law: 30 % error at 100 images, falling with the root."""
    return 0.3 * (np.asarray(amount) / 100) ** -0.5


def curve(seeds: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    return 1 - error(SIZES)[:, None] * np.exp(rng.normal(0, noise, (len(SIZES), seeds)))


@pytest.mark.parametrize("needed", [150.0, 300, 2500, 11000])
def test_the_crossing_of_a_power_law_is_exact(needed: float) -> None:
    found = crossing_of(SIZES, np.repeat(1 - error(SIZES)[:, None], 3, 1), np.full(3, 1 - error(needed)))
    assert found.x == pytest.approx(needed, rel=1e-9)
    assert found.low == pytest.approx(needed, rel=0.01)
    assert found.high == pytest.approx(needed, rel=0.01)
    assert found.n == 3


@pytest.mark.parametrize(("seeds", "noise"), [(3, 0.05), (5, 0.1), (8, 0.1)])
def test_the_interval_covers_the_truth_in_95_of_100_matrices(seeds: int, noise: float) -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(1000):
        shared = rng.normal(0, noise / 2, seeds)  # what a seed does to both: the pairing takes it out
        level = 1 - error(2000) * np.exp(rng.normal(0, noise, seeds) + shared)
        scores = 1 - (1 - curve(seeds, noise, rng)) * np.exp(shared)
        found = crossing_of(SIZES, scores, level)
        covered += found.low <= 2000 <= found.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_what_is_never_reached_is_a_bound() -> None:
    rng = np.random.default_rng(1)
    found = crossing_of(SIZES, curve(5, 0.02, rng), np.full(5, 1 - error(1e6)))
    assert (found.x, found.low, found.high) == (np.inf, SIZES[-1], np.inf)


def test_what_is_reached_with_the_least_amount_is_a_bound() -> None:
    rng = np.random.default_rng(1)
    found = crossing_of(SIZES, curve(5, 0.02, rng), np.full(5, 1 - error(10)))
    assert (found.x, found.low, found.high) == (0, 0, SIZES[0])


def test_a_level_within_the_noise_of_the_last_amount_leaves_the_upper_end_open() -> None:
    rng = np.random.default_rng(2)
    found = crossing_of(SIZES, curve(3, 0.3, rng), 1 - error(11000) * np.exp(rng.normal(0, 0.3, 3)))
    assert found.low < 11000
    assert found.high == np.inf


def test_more_noise_never_gives_a_narrower_interval() -> None:
    residuals = np.random.default_rng(3).normal(0, 1, (len(SIZES), 4))
    residuals -= residuals.mean(1, keepdims=True)
    widths = []
    for noise in (0.01, 0.05, 0.2):
        found = crossing_of(SIZES, 1 - error(SIZES)[:, None] * np.exp(noise * residuals), np.full(4, 1 - error(1000)))
        widths.append(found.high - found.low)
    assert widths == sorted(widths)


def test_one_seed_has_no_interval_and_a_missing_score_leaves_its_seed_out() -> None:
    scores = np.repeat(1 - error(SIZES)[:, None], 2, 1)
    scores[1, 1] = np.nan
    found = crossing_of(SIZES, scores, np.full(2, 1 - error(1000)))
    assert found.n == 1
    assert found.x == pytest.approx(1000)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("amounts", [[100.0], [100.0, 100.0], [300.0, 100.0], [0.0, 100.0]])
def test_amounts_must_increase(amounts: list[float]) -> None:
    with pytest.raises(ValueError, match="increasing"):
        crossing_of(np.array(amounts), np.full((len(amounts), 3), 0.5), np.full(3, 0.5))


def test_percentages_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        crossing_of(SIZES, np.full((5, 3), 98.0), np.full(3, 0.5))


def matrix(advantage: float, seeds: int = 5, noise: float = 0.01) -> Tables:
    """A plain family, and a steerable one that needs ``advantage`` times less data; each 10 s per 1,000 images."""
    rng, runs, curves = np.random.default_rng(4), [], []
    for (family, gain), size, seed in product((("cnn", 1.0), ("steerable", advantage)), SIZES, range(seeds)):
        cell = {
            "cell_id": f"{family} {size} {seed}",
            "dataset": "synthetic",
            "score": "accuracy",
            "augmentation_group": "SO(2)",
            "family": family,
            "label": family,
            "strength": 0.0,
            "copies": 0,
            "train_size": int(size),
            "seed": seed,
        }
        score = float(1 - error(size * gain) * np.exp(rng.normal(0, noise)))
        runs.append(
            {**cell, "status": "done", "transformed_score": score, "parameters": 1e4, "width": 1.0}
            | {"match_target": np.nan}
        )
        for step, share in enumerate((0.25, 0.5, 1.0)):
            reached = float(1 - error(size * gain * share) * np.exp(rng.normal(0, noise)))
            curves.append(
                {**cell, "step": step, "seconds": share * size / 100, "transformed_validation_score": reached}
            )
    return Tables(pd.DataFrame(runs), pd.DataFrame(curves), pd.DataFrame())


def test_the_rate_of_training_images_is_the_advantage() -> None:
    rates = exchange_rates(matrix(3.0), "train_size").set_index("train_size")
    inside = rates.loc[[100, 300, 1000, 3000]]
    assert inside["rate"].to_numpy() == pytest.approx(3.0, rel=0.1)
    assert (inside["low"] < inside["rate"]).all()
    assert (inside["rate"] < inside["high"]).all()
    assert np.isinf(rates.loc[12000, "rate"])
    assert rates.loc[12000, "low"] == pytest.approx(1.0)
    assert (rates["n"] == 5).all()


def test_a_reference_with_one_amount_has_no_rate() -> None:
    assert exchange_rates(matrix(3.0), "parameters").empty


def test_the_rate_of_copies_is_how_many_make_up_for_the_symmetry() -> None:
    """Errors fall with the root of the copies; the steerable network has none, and is as good as 8."""
    runs = matrix(1.0).runs
    runs = runs[runs["train_size"] == 1000]
    steerable = runs[runs["family"] == "steerable"].assign(transformed_score=1 - 0.3 * 8**-0.5)
    plain = runs[runs["family"] == "cnn"]
    copied = [
        plain.assign(copies=copies, strength=1.0, transformed_score=1 - 0.3 * copies**-0.5) for copies in (2, 4, 16, 64)
    ]
    tables = Tables(pd.concat([plain, steerable, *copied]), pd.DataFrame(), pd.DataFrame())
    rates = exchange_rates(tables, "copies")
    assert rates[["label", "reference_strength", "strength"]].to_numpy().tolist() == [["steerable", 1.0, 0.0]]
    assert rates["rate"].item() == pytest.approx(8.0)


def test_an_unknown_axis_is_named() -> None:
    with pytest.raises(ValueError, match="along 'luck'"):
        exchange_rates(matrix(3.0), "luck")


def test_one_perfect_seed_is_half_an_image_from_perfect() -> None:
    """500 of 500 right is no error of 1e-4, which is far from 2 of 500 and opens the interval to nearly all amounts."""
    draw = np.random.default_rng(6)
    scores = 1 - error(SIZES)[:, None] * np.exp(draw.normal(0, 0.02, (len(SIZES), 3)))
    level = np.array([0.996, 0.996, 1.0])
    loose, held = crossing_of(SIZES, scores, level), crossing_of(SIZES, scores, level, least_error=0.5 / 501)
    assert loose.low < 200
    assert held.low == SIZES[-1]  # the curve never comes near


def test_the_number_of_test_images_sets_the_floor() -> None:
    tables = matrix(3.0)
    best = (tables.runs["family"] == "steerable") & (tables.runs["seed"] == 0)
    tables.runs.loc[best, "transformed_score"] = 1.0
    told = exchange_rates(Tables(tables.runs.assign(test_size=500.0), tables.curves, tables.equivariance), "train_size")
    free = exchange_rates(tables, "train_size")
    assert (told["low"] >= free["low"]).all()
    assert (told["low"] > free["low"]).any()


def test_rates_that_cannot_say_anything_are_left_out_and_counted() -> None:
    """With all images no rate can exceed 1."""
    images = exchange_rates(matrix(3.0), "train_size")
    kept = telling(images)
    assert set(images["train_size"]) - set(kept["train_size"]) == {12000}
    text = printed(matrix(3.0), "rates", "transformed_score", "md")
    assert re.search(r"Of \d+ rates \d+ are left out", text)
    assert "> 0." not in text
