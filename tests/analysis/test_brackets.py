"""Brackets of what a plain network needs: known answers, what is not bounded, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bench.analysis.brackets import bracket, bracket_text, brackets, may_exceed
from bench.analysis.comparisons import comparisons
from bench.analysis.paired import Scored
from bench.analysis.printed import printed
from bench.analysis.summary import each
from bench.analysis.verdict import verdict
from bench.results.tables import Tables
from tests.matrices import matrix, noise

AMOUNTS = (100.0, 300.0, 1000.0, 3000.0)


def seeds(scores: np.ndarray) -> dict[int, Scored]:
    return {seed: Scored(float(score), None) for seed, score in enumerate(scores)}


def curve(accuracy: float, spread: float = 0.001, count: int = 4) -> tuple[dict[float, dict[int, Scored]], float]:
    """A curve that rises by ten points per amount from 60 %, and a level; seeds differ a little."""
    luck = spread * np.arange(count) * np.where(np.arange(count) % 2, 1, -1)
    return {amount: seeds(0.6 + 0.1 * i + luck) for i, amount in enumerate(AMOUNTS)}, accuracy


@pytest.mark.parametrize(
    ("accuracy", "more_than", "at_most", "crosses"),
    [
        (0.5, 0.0, 100.0, False),
        (0.65, 100.0, 300.0, True),
        (0.85, 1000.0, 3000.0, True),
        (0.95, 3000.0, math.inf, False),
    ],
)
def test_a_level_lies_between_the_amounts_that_were_tried(
    accuracy: float, more_than: float, at_most: float, crosses: bool
) -> None:
    scores, level = curve(accuracy)
    found = bracket(scores, seeds(np.full(4, level)))
    assert found is not None
    assert (found.more_than, found.at_most, found.n) == (more_than, at_most, 4)
    assert (found.more_than < found.interpolated < found.at_most) == crosses
    assert math.isnan(found.interpolated) != crosses


def test_what_seeds_cannot_tell_bounds_nothing() -> None:
    scores, level = curve(0.75, spread=0.03, count=2)
    found = bracket(scores, seeds(np.full(2, level)))
    assert found is not None
    assert (found.more_than, found.at_most) == (0.0, math.inf)


def test_one_amount_or_no_shared_seed_has_no_bracket() -> None:
    scores, _ = curve(0.7)
    assert bracket({100.0: scores[100.0]}, scores[300.0]) is None
    assert bracket(scores, {9: Scored(0.7, None)}) is None


def test_a_bracket_holds_the_truth_in_at_least_93_of_100_cases() -> None:
    """The truth is an amount that was tried: the plain network is as good with 1,000 images."""
    rng, held, trials = np.random.default_rng(0), 0, 400
    for _ in range(trials):
        scores = {amount: seeds(0.6 + 0.05 * i + rng.normal(0, 0.02, 4)) for i, amount in enumerate(AMOUNTS)}
        found = bracket(scores, seeds(0.7 + rng.normal(0, 0.02, 4)))
        assert found is not None
        held += found.more_than < 1000 < found.at_most
    assert held / trials >= 0.93


def test_brackets_that_are_told_together_hold_together() -> None:
    """Five networks as good as the plain one with 1,000 images, over the same seeds of it."""
    rng, held, alone, trials = np.random.default_rng(1), 0, 0, 200
    for _ in range(trials):
        scores = {amount: seeds(0.6 + 0.05 * i + rng.normal(0, 0.02, 4)) for i, amount in enumerate(AMOUNTS)}
        levels = [seeds(0.7 + rng.normal(0, 0.02, 4)) for _ in range(5)]
        for of in (1, 5):
            found = [bracket(scores, level, of=of) for level in levels]
            right = all(each is not None and each.more_than < 1000 < each.at_most for each in found)
            held, alone = held + right * (of == 5), alone + right * (of == 1)
    assert held / trials >= 0.93 > alone / trials


def ahead(label: str, size: int, strength: float, seed: int) -> float:
    """The equivariant network with 100 images lies between the plain one with 100 and with 1,000."""
    base = {100: 0.5, 1000: 0.8}[size] if label == "cnn" else {100: 0.65, 1000: 0.95}[size]
    return base - 0.1 * (strength == 0) + noise(label, size, strength, seed) * (1 + size / 1000)


def with_flops(tables: Tables) -> Tables:
    columns = {"training_flops_per_example": 3e6, "steps": 400.0, "family": tables.runs["label"]}
    return Tables(tables.runs.assign(**columns), tables.curves, tables.equivariance)


def test_tables_give_one_row_per_comparison_and_what_is_exchanged() -> None:
    table = brackets(with_flops(matrix(ahead)).runs)
    assert list(table["along"]) == ["train_size", "train_size"]
    small, large = each(table)
    assert bracket_text(small).startswith("more than 100, at most 1,000 images (means cross at ")
    assert bracket_text(large) == "more than 1,000 images"
    assert set(table["n"]) == {3}  # of five seeds, two chose


def test_fewer_steps_of_the_same_network_tell_of_seconds_and_flops() -> None:
    """The plain network is as good after 400 steps as the equivariant one, and not after 200."""
    tables = with_flops(matrix(lambda label, *axes: 0.8 - 0.001 * (label == "cnn") + noise(label, *axes), sizes=(100,)))
    long = tables.runs.assign(train_seconds=np.where(tables.runs["label"] == "cnn", 8.0, 4.0))
    short = long[long["label"] == "cnn"].assign(
        label="cnn steps 200", steps=200.0, transformed_score=0.6 + 0.001 * long["seed"], train_seconds=4.0
    )
    table = brackets(pd.concat([long, short], ignore_index=True)).set_index("along")
    assert set(table.index) == {"train_seconds", "train_flops"}
    assert table.loc["train_seconds", "more_than"] == 4.0
    assert table.loc["train_seconds", "at_most"] == math.inf
    assert may_exceed(table.reset_index()).tolist() == [True, False]


def test_more_steps_of_the_plain_network_tell_what_it_needs_to_be_level() -> None:
    """Compared after 400 steps each, where it is behind; level between 800 and 1,600."""
    tables = with_flops(matrix(lambda label, *axes: 0.8 - 0.2 * (label == "cnn") + noise(label, *axes), sizes=(100,)))
    runs = tables.runs.assign(train_seconds=4.0)
    longer = [
        runs[runs["label"] == "cnn"].assign(
            label=f"cnn steps {steps}",
            steps=float(steps),
            transformed_score=score + 0.001 * runs["seed"],
            transformed_validation_score=score,
            train_seconds=steps / 100,
        )
        for steps, score in ((800, 0.7), (1600, 0.9))
    ]
    everything = pd.concat([runs, *longer], ignore_index=True)
    compared = comparisons(everything)
    assert compared["plain_label"].tolist() == ["cnn"]
    seconds = brackets(everything).set_index("along").loc["train_seconds"]
    assert (seconds["amount"], seconds["more_than"], seconds["at_most"]) == (4.0, 8.0, 16.0)
    assert 8 < seconds["interpolated"] < 16
    assert may_exceed(brackets(everything)).all()


def test_the_matrix_is_printed_with_a_row_per_network_and_a_column_per_size() -> None:
    text = printed(with_flops(matrix(ahead)), "exchange", "transformed_score", "md")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "with 100 examples" in rows[0]
    assert "with 1,000 examples" in rows[0]
    assert len(rows) == 3
    assert "more than 1,000 images" in rows[2]


def test_the_verdict_says_what_the_opponent_needs() -> None:
    told = " ".join(verdict(with_flops(matrix(ahead))).sentences)
    assert "To score as well as steerable C8 does with 100 images, cnn needs more than 100, at most 1,000" in told


def test_numbers_are_short() -> None:
    class Row:
        along, interpolated, more_than, at_most = "train_flops", math.nan, 3.26e9, math.inf
        domain = "plane"

    assert bracket_text(Row()) == "more than 3.3e+09 FLOPs of training"
