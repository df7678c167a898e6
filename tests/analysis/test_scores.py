"""Scores of which less is better go the way of all scores: through analysis, figures, verdict and report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.brackets import brackets
from bench.analysis.comparisons import EQUAL, EQUIVARIANT, PLAIN, comparisons
from bench.analysis.failures import counted
from bench.analysis.frontier import frontier
from bench.analysis.matched_time import matched_time
from bench.analysis.printed import KINDS, printed
from bench.analysis.ranking import ranking
from bench.analysis.verdict import verdict
from bench.figures import FIGURES
from bench.report.page import page
from bench.results.tables import Tables
from bench.scores import QUANTITIES, SCORE_COLUMNS, SCORES, Score, by_score, reading
from tests.matrices import matrix, noise

READINGS = [*SCORES.values(), *QUANTITIES.values()]
numbers = st.floats(1e-6, 1.0)


def errors(advantage: float, **columns: object) -> Tables:
    """A matrix of root mean square errors in which the equivariant network errs ``advantage`` times less."""

    def rmse(label: str, size: int, strength: float, seed: int) -> float:
        better = 1.0 if label == "cnn" else advantage
        return float(0.2 * (100 / size) ** 0.3 / better * np.exp(noise(label, size, strength, seed)))

    return matrix(rmse, seeds=8, score="rmse", task="regression", **columns)


@pytest.mark.parametrize("read", READINGS, ids=lambda read: read.name)
@given(a=numbers, b=numbers)
def test_more_is_better_on_the_scale_of_differences(read: Score, a: float, b: float) -> None:
    assert float(read.unscaled(read.scaled(a))) == pytest.approx(a)
    if abs(a - b) > 1e-9:
        assert (read.scaled(a) > read.scaled(b)) == (a > b if read.higher_is_better else a < b)


def test_which_quantities_are_shares_and_of_which_more_is_better() -> None:
    assert {read.name for read in READINGS if read.is_share} == {"accuracy", "mean_iou", "invariance_rate"}
    better = {"accuracy", "mean_iou", "invariance_rate", "examples_per_second"}
    assert {read.name for read in READINGS if read.higher_is_better} == better
    assert {read.name: read.sign for read in READINGS} == {
        read.name: 1 if read.name in better else -1 for read in READINGS
    }


def test_rows_of_several_scores_are_each_read_by_its_own() -> None:
    rows = pd.DataFrame({"score": ["rmse", "accuracy", "mean_iou", "rmse"], "test_score": [0.1, 0.9, 0.5, 1.0]})
    errors = by_score(rows, "test_score", lambda read, values: read.error(values))
    assert errors.tolist() == pytest.approx([0.1, 0.1, 0.5, 1.0])


def test_numbers_as_people_read_them() -> None:
    accuracy, rmse = SCORES["accuracy"], SCORES["rmse"]
    assert (accuracy.error(0.9), rmse.error(0.9)) == (pytest.approx(0.1), 0.9)
    assert (accuracy.text(float("nan")), rmse.text(2.0)) == ("-", "2")
    assert (accuracy.range_text(-0.011, 0.25), rmse.range_text(0.0, float(np.log(2)))) == (
        "-1.1 to 25.0",
        "1.00 to 2.00",
    )
    assert (accuracy.margin_text(0.015), rmse.margin_text(float(np.log(1.05)))) == ("1.5 points", "a factor of 1.05")
    assert accuracy.margin_text(0.01) == "1 point"
    assert (accuracy.gain_label, rmse.gain_label) == ("gain, points", "factor by which the RMSE is better")
    assert float(rmse.unscaled(rmse.scaled(0.0))) >= 0  # an error of nothing has no logarithm


def test_a_factor_is_one_where_nothing_differs() -> None:
    rmse = SCORES["rmse"]
    assert rmse.gain(0.0) == 1.0
    assert rmse.gain(rmse.scaled(0.1) - rmse.scaled(0.3)) == pytest.approx(3.0)
    assert SCORES["accuracy"].gain(0.25) == 25.0


def test_scores_are_read_by_the_name_in_the_table_and_other_columns_by_their_own() -> None:
    assert {reading(column, "rmse").name for column in SCORE_COLUMNS} == {"rmse"}
    assert reading("train_seconds", "rmse") == reading("train_seconds", "accuracy")


@pytest.mark.parametrize(("advantage", "conclusion"), [(3.0, EQUIVARIANT), (1 / 3, PLAIN), (1.0, EQUAL)])
def test_who_errs_less_wins(advantage: float, conclusion: str) -> None:
    rows = comparisons(errors(advantage).runs)
    assert set(rows["conclusion"]) == {conclusion}
    assert np.exp(rows["difference"]).to_numpy() == pytest.approx(advantage, rel=0.03)
    assert (rows["mean"] / rows["plain_mean"]).to_numpy() == pytest.approx(1 / advantage, rel=0.03)


def test_the_best_of_a_setting_is_the_least() -> None:
    best = ranking(errors(3.0).runs).set_index("label")
    assert (best.loc["steerable C8", "gap"] == 0).all()
    assert (best.loc["cnn", "gap"] > 0).all()
    assert best.loc["steerable C8", "tied"].all()
    assert not best.loc["cnn", "tied"].any()


def test_a_plain_network_needs_more_images_to_err_as_little() -> None:
    # 100^0.3 is four: with 1,000 images the plain network errs half as much as with 100
    rows = brackets(errors(1.5).runs)
    row = rows[(rows["along"] == "train_size") & (rows["train_size"] == 100)].iloc[0]
    assert (row["more_than"], row["at_most"]) == (100, 1000)
    assert row["interpolated"] == pytest.approx(100 * 1.5 ** (1 / 0.3), rel=0.1)


def test_the_frontier_falls_and_times_are_those_of_the_first_evaluation_that_is_good_enough() -> None:
    tables = errors(3.0)
    steps = tables.curves["step"]
    tables.curves["transformed_validation_score"] = 0.6 / steps**0.5 / np.where(tables.curves["label"] == "cnn", 1, 3)
    for _, rows in frontier(tables, "flops").groupby("label"):
        assert rows["mean"].is_monotonic_decreasing
        assert len(rows) == 3
    times = matched_time(tables).groupby("label")
    assert (times["target"].max() == times["target"].min()).all()
    assert times["target"].first()["cnn"] == pytest.approx(0.6 / 400**0.5)
    seconds = times["seconds"].first()
    assert seconds["cnn"] == 4.0
    assert seconds["steerable C8"] == 1.0  # nothing is known before the first evaluation


def test_a_training_that_diverged_counts_as_the_best_constant_answer() -> None:
    tables = errors(3.0, chance_score=0.5)
    lost = (tables.runs["label"] == "steerable C8") & (tables.runs["seed"] == 4)
    tables.runs.loc[lost, "status"] = "diverged"
    assert (counted(tables.runs).loc[lost, "transformed_score"] == 0.5).all()


@pytest.mark.parametrize(("chance", "learned"), [(1.0, True), (0.02, False)])
def test_what_errs_as_much_as_a_constant_has_learned_nothing(chance: float, learned: bool) -> None:
    said = verdict(errors(1.2, chance_score=chance, test_size=200.0)).headline
    assert ("nothing was learned" in said) is not learned


def test_the_verdict_speaks_of_factors() -> None:
    answer = verdict(errors(3.0))
    assert "build the symmetry in at 100 images (a factor of " in answer.headline
    said = " ".join((answer.headline, *answer.sentences))
    assert "points" not in said
    assert "accuracy" not in said
    assert "RMSE" in said


@pytest.mark.parametrize("form", ["md", "latex", "csv"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_printed(kind: str, form: str) -> None:
    text = printed(errors(3.0, resampling="none"), kind, "transformed_score", form)
    assert "accuracy" not in text
    assert "steerable C8" in text


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in ("measurements", "learning_curves", "roc")])
def test_every_figure_is_drawn(name: str) -> None:
    figure = FIGURES[name](errors(2.0))
    assert figure is not None
    words = [text.get_text() for ax in figure.axes for text in (ax.xaxis.label, ax.yaxis.label, ax.title)]
    assert not any("accuracy" in word for word in words)


def test_a_page_may_hold_two_domains_each_with_its_unit() -> None:
    plane, vectors = matrix(lambda label, *_: 0.9 if label == "cnn" else 0.95), errors(2.0, dataset="inertia")
    both = Tables(
        *(pd.concat(pair, ignore_index=True) for pair in zip(vars(plane).values(), vars(vectors).values(), strict=True))
    )
    text = page(both, None, {}, "both")
    assert "score, upright" in text
    assert "RMSE by augmentation strength" in text
    assert "Accuracy by augmentation strength" in text
