"""Ranking, frontier, matched time, printed tables and the verdict, on matrices whose answers are known."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.chance import beats_chance, nothing_learned
from bench.analysis.comparisons import comparisons
from bench.analysis.controls import controls
from bench.analysis.frontier import PASSES, frontier
from bench.analysis.headline import headline
from bench.analysis.markup import Text, latex, markdown
from bench.analysis.matched_time import matched_time
from bench.analysis.printed import KINDS, printed
from bench.analysis.ranking import ranking
from bench.analysis.verdict import verdict
from bench.results.tables import Tables
from tests.matrices import Accuracy, matrix, noise


def scarce(label: str, size: int, strength: float, seed: int) -> float:
    """The equivariant network is ahead at 100 images, by 20 points; at 1,000 there is nothing between them."""
    base = 0.9 if size == 1000 else 0.7 if label == "steerable C8" else 0.5
    return base - 0.1 * (strength == 0) + noise(label, size, strength, seed)


def ahead(label: str, size: int, strength: float, seed: int) -> float:
    return scarce(label, 100, strength, seed) + 0.05 * (size == 1000)


def behind(label: str, size: int, strength: float, seed: int) -> float:
    return ahead("cnn" if label == "steerable C8" else "steerable C8", size, strength, seed)


# ranking


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


# frontier


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


# the verdict


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


# what resampling costs, and whether anything was learned


def test_controls_part_what_the_pixels_cost_from_what_the_orientation_does() -> None:
    tables = matrix(ahead)
    tables.runs["test_score"] = tables.runs["transformed_score"] + 0.3
    tables.runs["resampled_score"] = tables.runs["test_score"] - 0.1
    tables.runs["exact_score"] = tables.runs["test_score"] - 0.2
    told = next(text for text in verdict(tables).sentences if text.startswith("What the pixels cost"))
    assert "loses 10.0 points (95 % interval 10.0 to 10.0) of its upright accuracy by resampling alone" in told
    assert "20.0 points by moving them exactly and 30.0 points by both" in told
    means = controls(tables.runs)
    assert np.allclose(means["test_score"] - means["exact_score"], 0.2)
    assert set(means["n"]) == {5}


@pytest.mark.parametrize(("right", "learned"), [(50, False), (58, False), (75, True)])
def test_what_does_not_beat_the_largest_class_has_learned_nothing(right: int, learned: bool) -> None:
    """Of 100 test images, half of one class: 58 right have p = 0.07 alone, 75 right 3e-7, times the cells."""
    tables = matrix(lambda *_: right / 100)
    tables.runs["test_size"], tables.runs["chance_score"] = 100.0, 0.5
    p = sum(math.comb(100, k) for k in range(right, 101)) / 2**100
    assert beats_chance(tables.runs).iloc[0] == pytest.approx(min(1, p * len(tables.runs)))
    assert (nothing_learned(tables.runs) is None) == learned
    assert ("nothing was learned" in verdict(tables).headline) != learned


def test_early_tables_that_do_not_tell_their_chance_are_not_judged() -> None:
    tables = matrix(lambda *_: 0.5)
    assert beats_chance(tables.runs).empty
    assert nothing_learned(tables.runs) is None


# printed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["md", "latex", "csv"])
def test_every_kind_is_printed_in_every_format(kind: str, form: str) -> None:
    text = printed(matrix(scarce), kind, "transformed_score", form)
    assert "steerable C8" in text
    if form == "csv":
        assert len(pd.read_csv(io.StringIO(text))) > 0
    elif form == "md":
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) == 1
    else:
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_the_summary_has_the_best_and_the_tied_in_bold() -> None:
    rows = printed(matrix(scarce), "summary", "transformed_score", "md").splitlines()
    plain, steerable = (next(row for row in rows if row.startswith(f"| {label}")) for label in ("cnn", "steerable"))
    assert plain.count("**") == 4  # both columns of 1,000 images
    assert steerable.count("**") == 8
    assert "**70.0 ± 0.2**" in steerable


def test_nothing_done_is_one_line() -> None:
    tables = matrix(scarce)
    tables.runs["status"] = "failed"
    for kind in KINDS:
        assert printed(tables, kind, "transformed_score", "md").startswith(f"no {kind}")


def test_text_is_escaped() -> None:
    rows = [[Text("a|b*<i>"), Text("50 %", bold=True)]]
    assert markdown(rows, "").splitlines()[2] == r"| a\|b\*&lt;i> | **50 %** |"
    assert r"\textbf{50 \%}" in latex([[Text("x_1 & y")], *rows], "c")
    assert r"x\_1 \& y" in latex([[Text("x_1 & y")]], "c")
