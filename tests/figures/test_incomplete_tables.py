"""Tables that lack something, or hold more than one setting."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path

import pandas as pd
import pytest

from bench.figures import FIGURES, REASONS, draw_all, skipped
from bench.figures.settings import split
from bench.results.tables import Tables
from tests.figures.made_up import (
    LABELS,
    MEANS,
    SHOW_ONE_SIZE,
    TWO,
    WHOLE,
    drawn,
    legend_texts,
    lines,
    made_up,
    texts,
    with_runs,
)


@pytest.mark.parametrize("name", MEANS)
def test_nothing_is_drawn_of_nothing(name: str) -> None:
    empty = Tables(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    no_rows = Tables(WHOLE.runs[:0], WHOLE.curves[:0], WHOLE.equivariance[:0])
    failed = with_runs(WHOLE, lambda runs: runs.__setitem__("status", "failed"))
    for tables, expected in ((empty, "no runs"), (no_rows, "no runs"), (failed, "none of 162 cells is done")):
        assert FIGURES[name](tables) is None
        assert expected in str(REASONS[name](tables))


def test_each_figure_needs_only_its_own_table(tmp_path: Path) -> None:
    alone = Tables(made_up((100, 300), (0.0, 1.0), 2, TWO).runs, pd.DataFrame(), WHOLE.equivariance[:0])
    files = draw_all(alone, tmp_path)
    of_runs = {"score_by_strength", "score_by_size", "score_by_time", "measurements"}
    assert {path.stem for path in files} == of_runs | {"comparisons", "exchange", "gap_by_size"}
    assert skipped(alone) == {
        "equivariance_by_angle": "no cell that is done has an equivariance error",
        "equivariance_by_layer": "no cell that is done has an equivariance error of a layer",
        "learning_curves": "no cell that is done has a curve",
    }


def test_a_single_size_has_no_figure_by_size() -> None:
    single = made_up((12000,), (0.0, 1.0), 2, TWO)
    assert FIGURES["score_by_size"](single) is None
    assert skipped(single)["score_by_size"] == "12,000 is the only training-set size"
    assert set(skipped(single)) == {"score_by_size", "gap_by_size", "exchange"}


@pytest.mark.parametrize("name", SHOW_ONE_SIZE)
@pytest.mark.parametrize(
    ("sizes", "strengths"), [((100,), (1.0,)), ((100,), (0.0,)), ((100, 1000), (0.5,)), ((50,), (0.0, 0.1))]
)
def test_one_size_or_one_strength_is_drawn(name: str, sizes: tuple[int, ...], strengths: tuple[float, ...]) -> None:
    figure = drawn(name, made_up(sizes, strengths, 2, TWO))
    assert lines(figure.axes[0])
    figure.draw_without_rendering()


@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")  # older matplotlib: pyparsing
@pytest.mark.parametrize("name", SHOW_ONE_SIZE)
def test_a_single_cell_is_drawn_without_a_warning(name: str) -> None:
    figure = drawn(name, made_up((100,), (0.0,), 1, {"cnn": LABELS["cnn"]}))
    stages = 2 if name == "equivariance_by_layer" else 1
    assert len(lines(figure.axes[0])) == stages
    figure.draw_without_rendering()


def test_a_value_that_is_missing_everywhere_leaves_its_figures_out() -> None:
    no_accuracy = with_runs(WHOLE, lambda runs: runs.__setitem__("transformed_score", math.nan))
    of_accuracy = {"score_by_strength", "score_by_size", "score_by_time", "comparisons", "exchange", "gap_by_size"}
    assert set(skipped(no_accuracy)) == of_accuracy
    no_time = with_runs(WHOLE, lambda runs: runs.__setitem__("train_seconds", math.nan))
    assert set(skipped(no_time)) == {"score_by_time"}


@pytest.mark.parametrize("name", [name for name in MEANS if name != "gap_by_size"])
def test_names_are_shown_as_they_are(name: str) -> None:
    odd = ["_hidden", "costs $5_^{ and $6", "<b>bold</b> & 100%", r"\frac{"]
    table = dict.fromkeys(odd, ("mine", *LABELS["gcnn C4"][1:]))
    figure = drawn(name, made_up((100, 300), (0.0, 1.0), 2, table, dataset="my_$data$_^"))
    assert set(odd) <= set(legend_texts(figure))
    assert "my_$data$_^" in texts(figure)
    figure.savefig(io.BytesIO(), format="pdf")


def test_a_long_label_stays_on_the_page() -> None:
    long = " ".join(["steerable", "C8", *(f"option {n}" for n in range(20))])
    figure = drawn("score_by_size", made_up((100, 300), (0.0,), 2, {long: LABELS["steerable C8 regular"]}))
    figure.draw_without_rendering()
    assert legend_texts(figure)[0] == long
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1


# --- settings


def test_settings_are_drawn_apart_and_unaugmented_cells_belong_to_every_kind_of_copies() -> None:
    online, fixed, other = (
        made_up((100,), seeds=1, labels=TWO, group=group, copies=copies)
        for group, copies in (("SO(2)", 0), ("SO(2)", 4), ("O(2)", 0))
    )
    fixed = dataclasses.replace(fixed, runs=fixed.runs[fixed.runs["strength"] > 0])
    mixed = Tables(pd.concat([online.runs, fixed.runs, other.runs]), online.curves, online.equivariance)
    parts = split(mixed)
    assert set(parts) == {"SO_2-online", "SO_2-4_copies", "O_2-online"}
    assert len(parts["SO_2-4_copies"].runs) == len(parts["SO_2-online"].runs) == len(online.runs)
    assert set(parts["SO_2-4_copies"].runs["copies"]) == {0, 4}
    for name, draw in FIGURES.items():
        assert draw(mixed) is None
        assert "several settings" in str(REASONS[name](mixed))


def test_cells_that_the_axes_do_not_tell_apart_are_not_averaged() -> None:
    twins = dataclasses.replace(WHOLE, runs=pd.concat([WHOLE.runs, WHOLE.runs[:3].assign(cell_id="another")]))
    assert FIGURES["score_by_strength"](twins) is None
    assert "6 cells have all their axes" in str(REASONS["score_by_strength"](twins))
