"""The verdict in words."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bench.analysis.comparisons import comparisons
from bench.analysis.headline import headline
from bench.analysis.verdict import verdict
from bench.results.tables import Tables
from tests.analysis.accuracies import ahead, behind, scarce
from tests.matrices import Accuracy, matrix, noise


@pytest.mark.parametrize(
    ("accuracy", "answer"),
    [
        (ahead, r"build the symmetry in at 100 images \((19\.9|20\.\d) points, .*\) and 1,000 images \("),
        (behind, r"augment a plain network at 100 images \(-(19\.9|20\.\d) points, .*\) and 1,000 images \("),
        (scarce, r"build the symmetry in at 100 images \(.*\), equal within 2 points at 1,000 images"),
        (lambda *axes: 0.8 + noise(*axes), r"equal within 2 points at 100 images \(.*\) and 1,000 images"),
        (lambda *axes: 0.8 + 40 * noise(*axes), r"undecided at 100 images \(.*\) and 1,000 images"),
    ],
    ids=["ahead", "behind", "scarce", "equal", "noisy"],
)
def test_the_verdict_is_what_the_matrix_says(accuracy: Accuracy, answer: str) -> None:
    told = verdict(matrix(accuracy)).headline
    assert re.search(rf"^On digits, moved by SO\(2\): at equal FLOPs and parameters, {answer}", told)


def test_what_still_learns_is_not_settled() -> None:
    """In the made-up matrix a score grows in proportion to the steps, to twice what it was at half of them."""
    tables = matrix(ahead)
    curves, column = tables.curves, "transformed_validation_score"
    both = r"Not settled: towards the end of training cnn \(by up to 2\d\.\d points\) and steerable C8 \(by up to 3"
    assert re.search(both, verdict(tables).headline)
    last = curves.groupby("cell_id")[column].transform("max")
    curves[column] = curves[column].where(curves["label"] == "cnn", last)
    one = verdict(tables).headline
    assert "training cnn (by" in one
    assert "steerable C8 (by" not in one
    curves[column] = last
    assert "Not settled" not in verdict(tables).headline


@pytest.mark.parametrize(("before", "moves"), [(0.05, True), (0.19, False)])
def test_a_gap_that_moves_with_the_steps_is_not_settled(before: float, moves: bool) -> None:
    """The same two networks trained for fewer steps, whose gap was another; two seeds have both lengths."""
    tables = matrix(ahead, sizes=(100,))
    long = tables.runs.assign(steps=400.0)
    gap = before * (long["label"] == "steerable C8") + 0.3
    short = long.assign(steps=200.0, transformed_score=gap, label=long["label"] + " steps 200")
    both = pd.concat([long, short[short["seed"] < 2]], ignore_index=True)
    told = headline(Tables(both, tables.curves, tables.equivariance))
    assert re.search(rf"from {100 * before:.1f} points after 200 steps to (19\.\d|20\.\d) points after 400", told)
    assert ("(not settled: longer training may answer otherwise)" in told) == moves
    assert "an estimate over 2 seeds" in told
    assert "steps 200 (" not in told  # a shorter training is no opponent


def test_the_sentences_give_the_numbers_and_how_sure_they_are() -> None:
    told = " ".join(verdict(matrix(ahead)).sentences)
    assert "steerable C8 (augmented with strength 1) scores 70.0 % and cnn (augmented with strength 1) 50.0 %" in told
    assert re.search(
        r"a difference of 19\.9 points \(interval \d+\.\d to \d+\.\d, p = .* 3 seeds, which chose nothing", told
    )
    assert "chosen on the first 2 of 5 seeds and tested on the others; networks are matched by parameters" in told
    assert "steerable C8 1e-07 at 90 degrees and 0.3 at its worst angle; cnn 0.3 at 90" in told


def test_strengths_are_chosen_on_validation_data_and_compared_on_test_data() -> None:
    tables = matrix(ahead)
    lucky = (tables.runs["label"] == "cnn") & (tables.runs["strength"] == 0)
    tables.runs.loc[lucky, "transformed_score"] = 0.99  # by chance of the test images alone
    assert set(comparisons(tables.runs)["plain_strength"]) == {1.0}


def test_the_seeds_that_choose_do_not_test() -> None:
    tables = matrix(ahead)
    lucky = (tables.runs["label"] == "cnn") & (tables.runs["strength"] == 0) & (tables.runs["seed"] < 2)
    tables.runs.loc[lucky, ["transformed_score", "transformed_validation_score"]] = 0.99
    table = comparisons(tables.runs)
    assert set(table["plain_strength"]) == {0.0}
    assert set(table["n"]) == {3}
    assert (table["difference"] > 0.2).all()


def test_upright_scores_may_decide_instead() -> None:
    tables = matrix(ahead)
    for column in ("test_score", "upright_validation_score"):
        tables.runs[column] = 1 - tables.runs[column]
    assert "use a plain network" in verdict(tables, "test_score").headline


def test_what_is_not_done_is_told() -> None:
    tables = matrix(ahead)
    tables.runs.loc[:2, "status"] = "diverged"
    tables.runs.loc[20:, "status"] = "skipped"
    told = verdict(tables).sentences
    label = tables.runs["label"].iloc[0]
    assert re.search(
        rf"^Of the 20 trainings of {label}, 3 diverged \(a share of 3 to 38 %, exact 95 % interval\)", told[-2]
    )
    assert told[-1] == "Not part of it: 20 cells that cannot be."


def seldom(label: str, size: int, strength: float, seed: int) -> float:
    return 0.5 + 0.04 * (label != "cnn") + noise(label, size, strength, seed)


def with_ends(tables: Tables, label: str, seeds: int, status: str) -> Tables:
    """The tables with so many seeds of a label ended otherwise, their scores gone."""
    mine = (tables.runs["label"] == label) & (tables.runs["seed"] < seeds)
    scores = [column for column in tables.runs if column.endswith("accuracy")]
    tables.runs.loc[mine, scores] = np.nan
    tables.runs.loc[mine, "status"] = status
    return tables


def test_a_network_that_seldom_trains_does_not_win_by_the_seeds_that_did() -> None:
    """Seven of ten seeds of the better network diverge."""
    trained = matrix(seldom, seeds=10, chance_score=0.1, test_size=500)
    assert set(comparisons(trained.runs)["conclusion"]) == {"equivariant"}
    lost = with_ends(trained, "steerable C8", 7, "diverged")
    assert any("trainings of steerable C8, 28 diverged" in sentence for sentence in verdict(lost).sentences)
    table = comparisons(lost.runs)
    assert "equivariant" not in set(table["conclusion"])
    # of the eight seeds that test, five diverged
    np.testing.assert_allclose(table["mean"], (5 * 0.1 + 3 * 0.54) / 8, atol=0.01)


def test_one_lucky_seed_does_not_choose_a_network() -> None:
    """Of a third network one seed of five trained, and scores more than the good one."""
    labels = {"cnn": "C1", "steerable C8": "C8", "gcnn": "C4"}
    lucky = lambda label, size, strength, seed: seldom(label, size, strength, seed) + 0.3 * (label == "gcnn")  # noqa: E731
    tables = matrix(lucky, labels=labels, chance_score=0.1, test_size=500)
    tables = with_ends(tables, "gcnn", 4, "diverged")
    by_label = comparisons(tables.runs).groupby("label")["conclusion"].agg(set)
    assert by_label.to_dict() == {"gcnn": {""}, "steerable C8": {"equivariant"}}
    assert "build the symmetry in at 100" in headline(tables)


@pytest.mark.parametrize("status", ["failed", "oom", "infra"])
def test_where_seeds_are_missing_nobody_wins(status: str) -> None:
    tables = with_ends(matrix(ahead), "steerable C8", 1, status)
    table = comparisons(tables.runs)
    assert set(table["conclusion"]) == {""}
    assert set(table["lacking"]) == {"steerable C8"}
    found = verdict(tables)
    assert "Trainings of steerable C8 failed: where they are missing, nobody wins." in found.headline
    assert "build the symmetry in" not in found.headline
    assert any("trainings of steerable C8, 4 failed" in sentence for sentence in found.sentences)


def test_diverged_cells_of_tables_that_tell_no_chance_are_missing() -> None:
    tables = with_ends(matrix(ahead), "steerable C8", 1, "diverged")
    assert set(comparisons(tables.runs)["lacking"]) == {"steerable C8"}


@pytest.mark.parametrize("labels", [{"cnn": "C1"}, {"steerable C8": "C8"}])
def test_one_kind_of_network_gives_no_answer(labels: dict[str, str]) -> None:
    assert verdict(matrix(ahead, labels=labels)).headline.startswith("No answer")


def test_the_headline_alone_is_the_verdicts() -> None:
    for tables in (matrix(ahead), matrix(scarce)):
        assert headline(tables) == verdict(tables).headline


def test_no_cells_give_no_answer() -> None:
    tables = matrix(ahead)
    tables.runs["status"] = "failed"
    assert verdict(tables).headline.startswith("No answer")
    assert comparisons(tables.runs).empty
