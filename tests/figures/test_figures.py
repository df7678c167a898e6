"""The figures: what they draw is what the tables say, and tables that lack something lack only that."""

from __future__ import annotations

import dataclasses
import io
import math
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from bench.analysis.summary import interval, summarise
from bench.figures import FIGURES, REASONS, draw_all, skipped
from bench.figures.looks import FAMILIES, looks
from bench.figures.settings import split
from bench.results import tables as made
from bench.results.tables import Tables
from tests.matrices import PLANE
from tests.tolerances import FLOAT64_ARITHMETIC as EXACT

# label: family, group, accuracy at the smallest size, what augmentation adds, seconds a step, equivariance error
LABELS = {
    "cnn": ("cnn", "C1", 0.42, 0.22, 0.004, 0.6),
    "gcnn C4": ("gcnn", "C4", 0.60, 0.10, 0.011, 0.25),
    "steerable C8 regular": ("steerable", "C8", 0.72, 0.04, 0.021, 0.05),
    "steerable SO(2) irreps": ("steerable", "SO(2)", 0.70, 0.02, 0.017, 0.02),
    "hnet": ("hnet", "SO(2)", 0.69, 0.03, 0.025, 0.03),
    "et rotation": ("et", "SO(2)", 0.65, 0.06, 0.008, 0.09),
}
ANGLES = (15.0, 45.0, 90.0, 180.0)
STEPS = (250, 500, 1000)


#: Figures of means; those of comparisons have rows in place of axes of numbers (test_comparison_figures.py).
MEANS = [name for name in FIGURES if name not in ("comparisons", "exchange", "roc")]
SHOW_ONE_SIZE = [name for name in MEANS if name not in ("score_by_size", "gap_by_size")]


def made_up(
    sizes: tuple[int, ...] = (100, 1000, 12000),
    strengths: tuple[float, ...] = (0.0, 0.5, 1.0),
    seeds: int = 3,
    labels: dict[str, tuple[str, str, float, float, float, float]] = LABELS,
    dataset: str = "rotated-mnist",
    group: str = "SO(2)",
    copies: int = 0,
) -> Tables:
    """Return tables of cells that are all done, like real ones in shape and size."""
    draw = np.random.default_rng(0)
    runs, curves, errors = [], [], []
    for label, (family, symmetry, base, gain, pace, error) in labels.items():
        for size in sizes:
            growth = math.log10(size / sizes[0]) / 3
            for strength in strengths:
                for seed in range(seeds):
                    axes = {
                        **PLANE,
                        "cell_id": f"{dataset}/{group}/{label}/{size}/{strength}/{copies if strength else 0}/{seed}",
                        "suite": "made-up",
                        "dataset": dataset,
                        "train_size": size,
                        "family": family,
                        "label": label,
                        "group": symmetry,
                        "augmentation_group": group,
                        "strength": strength,
                        "copies": copies if strength else 0,
                        "seed": seed,
                    }
                    rise = (0.95 - base) * growth + gain * (1 - growth) * math.sqrt(strength)
                    accuracy = base + rise + draw.normal(0, 0.008)
                    seconds = 1000 * pace * (1 + growth) * draw.normal(1, 0.04)
                    measured = {"transformed_score": accuracy, "train_seconds": seconds, "timing": "exclusive"}
                    measured["brier"] = (1 - accuracy) ** 2  # a plug-in's
                    measured |= {"transformed_validation_score": accuracy, "parameters": 1e4, "flops_per_example": 1e6}
                    runs.append({**axes, "status": "done", "reason": "", **measured})
                    for step in STEPS:
                        reached = accuracy * (1 - math.exp(-step / 250)) + draw.normal(0, 0.01)
                        told = {"step": step, "seconds": seconds * step / 1000, "validation_score": reached}
                        curves.append({**axes, **told})
                    for stage in ("init", "trained"):
                        for degrees in ANGLES:
                            exact = degrees % 90 == 0 and symmetry != "C1"
                            size_of = 3e-7 if exact else error * (1.5 - strength if stage == "trained" else 1)
                            for layer, floor in (
                                ("input", 0.1 if degrees % 90 else 0.0),
                                ("block1", 0.08),
                                ("output", 0.0),
                            ):
                                told = {"stage": stage, "layer": layer, "kind": "rotation", "magnitude": degrees}
                                told["unit"] = "degrees"
                                told |= {"samples": 8, "metric": "relative l2", "metric_version": 2}
                                value = 0.0 if layer == "input" else size_of * draw.lognormal(0, 0.1)
                                errors.append({**axes, **told, "error": value, "floor": floor})
    frames = {"runs": runs, "curves": curves, "equivariance": errors}
    return Tables(**{name: made.typed(name, pd.DataFrame(rows)) for name, rows in frames.items()})


WHOLE = made_up()
TWO = {label: LABELS[label] for label in ("cnn", "steerable C8 regular")}


def with_runs(tables: Tables, change: Callable[[pd.DataFrame], None]) -> Tables:
    runs = tables.runs.copy()
    change(runs)
    return dataclasses.replace(tables, runs=runs)


def with_errors(tables: Tables, change: Callable[[pd.DataFrame], None]) -> Tables:
    errors = tables.equivariance.copy()
    change(errors)
    return dataclasses.replace(tables, equivariance=errors)


@cache
def whole(name: str) -> Figure:
    """A figure of the whole tables, which no test changes."""
    return drawn(name, WHOLE)


def drawn(name: str, tables: Tables) -> Figure:
    figure = FIGURES[name](tables)
    assert figure is not None
    return figure


def lines(ax: Axes, label: str | None = None) -> list[Line2D]:
    """The series of a panel: the lines with markers and a table's label."""
    return [
        line
        for line in ax.get_lines()
        if line.get_label() in LABELS
        and line.get_marker() not in ("", "None", "_")
        and label in (None, line.get_label())
    ]


def bar_ends(ax: Axes, label: str) -> list[tuple[float, float]]:
    """The ends of the vertical bars of a label, in order of x."""
    segments = []
    for container in ax.containers:
        if isinstance(container, ErrorbarContainer) and container.get_label() == label:
            for collection in container.lines[2]:
                assert isinstance(collection, LineCollection)
                segments += [(segment[0][0], segment[0][1], segment[1][1]) for segment in collection.get_segments()]
    return [(low, high) for _, low, high in sorted(segments)]


def t_interval(values: pd.Series) -> tuple[float, float]:
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return float(low), float(high)


def texts(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text().split()) for text in figure.texts)


def legend_texts(figure: Figure) -> list[str]:
    return [" ".join(text.get_text().split()) for text in figure.legends[0].get_texts()]


# --- intervals


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_interval_is_the_t_interval_of_the_mean(values: list[float]) -> None:
    found = interval(values)
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    assert found.n == len(values)
    # the values reach 1e3, whatever their mean
    assert found.mean == pytest.approx(np.mean(values), rel=EXACT, abs=1e3 * EXACT)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=EXACT, abs=1e4 * EXACT)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = interval([0.5]), interval([math.nan])
    assert (one.mean, one.n) == (0.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert none.n == 0
    assert math.isnan(none.mean)


def test_a_group_that_lacks_a_seed_has_the_n_of_those_it_has() -> None:
    frame = pd.DataFrame({"label": ["a", "a", "a", "b", "b", "c"], "value": [1.0, 2.0, 3.0, 4.0, 6.0, math.nan]})
    summary = summarise(frame, ["label"], "value").set_index("label")
    assert summary["n"].to_dict() == {"a": 3, "b": 2}
    assert summary["mean"].to_dict() == {"a": 2.0, "b": 5.0}
    assert summary.loc["b", "high"] == pytest.approx(t_interval(pd.Series([4.0, 6.0]))[1], rel=EXACT)


def test_the_summary_of_nothing_has_its_columns() -> None:
    assert list(summarise(pd.DataFrame(), ["label"], "value")) == ["label", "mean", "median", "low", "high", "n"]


# --- what is drawn


def test_accuracy_by_strength_has_a_panel_per_size_and_the_means_and_intervals_of_the_table() -> None:
    figure = whole("score_by_strength")
    assert [ax.get_title() for ax in figure.axes] == [f"{n} training images" for n in ("100", "1,000", "12,000")]
    for ax, size in zip(figure.axes, (100, 1000, 12000), strict=True):
        assert sorted(str(line.get_label()) for line in lines(ax)) == sorted(LABELS)
        assert list(ax.get_xticks()) == [0, 0.5, 1]
        for label in LABELS:
            (line,) = lines(ax, label)
            x, y = (np.asarray(data, float) for data in line.get_data())
            # side by side, but nearer to their own strength than to the next one
            assert np.abs(x - [0, 0.5, 1]).max() < 0.1
            rows = WHOLE.runs[(WHOLE.runs["label"] == label) & (WHOLE.runs["train_size"] == size)]
            groups = [group for _, group in rows.groupby("strength")["transformed_score"]]
            assert y == pytest.approx([group.mean() for group in groups], rel=EXACT)
            for found, group in zip(bar_ends(ax, label), groups, strict=True):
                assert found == pytest.approx(t_interval(group), rel=EXACT)


def test_series_of_one_panel_lie_side_by_side() -> None:
    ax = whole("score_by_strength").axes[0]
    assert len({float(np.asarray(line.get_xdata())[0]) for line in lines(ax)}) == len(LABELS)


def test_accuracy_by_size_is_solid_without_augmentation_and_dashed_with_the_strongest() -> None:
    figure = whole("score_by_size")
    (ax,) = figure.axes
    assert ax.get_xscale() == "log"
    assert len(lines(ax)) == 2 * len(LABELS)
    for label in LABELS:
        for line in lines(ax, label):
            strength = {"-": 0.0, "--": 1.0}[line.get_linestyle()]
            rows = WHOLE.runs[(WHOLE.runs["label"] == label) & (WHOLE.runs["strength"] == strength)]
            expected = rows.groupby("train_size")["transformed_score"].mean().to_list()
            assert np.asarray(line.get_ydata()) == pytest.approx(expected, rel=EXACT)
        assert {line.get_linestyle() for line in lines(ax, label)} == {"-", "--"}
    assert legend_texts(figure)[-2:] == ["no augmentation", "augmentation strength 1"]


def test_accuracy_by_time_has_a_marker_per_label_and_strength_that_grows_with_strength() -> None:
    figure = whole("score_by_time")
    for ax, size in zip(figure.axes, (100, 1000, 12000), strict=True):
        assert ax.get_xscale() == "log"
        for label in LABELS:
            rows = WHOLE.runs[(WHOLE.runs["label"] == label) & (WHOLE.runs["train_size"] == size)]
            markers = lines(ax, label)
            sizes = [marker.get_markersize() for marker in markers]
            assert sizes == sorted(set(sizes))
            for marker, (_, group) in zip(markers, rows.groupby("strength"), strict=True):
                assert np.asarray(marker.get_xdata()) == pytest.approx([group["train_seconds"].mean()], rel=EXACT)
                assert np.asarray(marker.get_ydata()) == pytest.approx([group["transformed_score"].mean()], rel=EXACT)
            (across,) = (c for c in ax.collections if c.get_label() == label and isinstance(c, LineCollection))
            found = [(segment[0][0], segment[1][0]) for segment in across.get_segments()]
            expected = [(group.min(), group.max()) for _, group in rows.groupby("strength")["train_seconds"]]
            assert np.asarray(found) == pytest.approx(np.asarray(expected), rel=EXACT)


def test_learning_curves_have_a_panel_per_size_and_extreme_strength() -> None:
    figure = whole("learning_curves")
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:2] == ["100 images, no augmentation", "100 images, augmentation strength 1"]
    assert len(titles) == 6
    rows = WHOLE.curves[(WHOLE.curves["train_size"] == 100) & (WHOLE.curves["strength"] == 1.0)]
    ax = figure.axes[1]
    assert ax.get_xscale() == "log"
    for label in LABELS:
        (line,) = lines(ax, label)
        steps = rows[rows["label"] == label].groupby("step")
        assert np.asarray(line.get_xdata()) == pytest.approx(steps["seconds"].mean().to_list(), rel=EXACT)
        assert np.asarray(line.get_ydata()) == pytest.approx(steps["validation_score"].mean().to_list(), rel=EXACT)
        (band,) = (c for c in ax.collections if c.get_label() == label)
        ends = band.get_paths()[0].vertices[:, 1]
        limits = [t_interval(group) for _, group in steps["validation_score"]]
        assert (ends.min(), ends.max()) == pytest.approx(
            (min(low for low, _ in limits), max(high for _, high in limits)), rel=EXACT
        )


def test_equivariance_is_end_to_end_by_stage_on_a_logarithmic_axis() -> None:
    figure = whole("equivariance_by_angle")
    assert [ax.get_title() for ax in figure.axes] == ["at initialisation", "trained on 12,000 images"]
    start, end = figure.axes
    for ax in (start, end):
        heights = ax.transData.transform([(0, y) for y in (1e-7, 1e-5, 1e-2, 1e-1, 1)])[:, 1]
        rounding, tenfold, again = heights[1] - heights[0], heights[3] - heights[2], heights[4] - heights[3]
        assert tenfold == pytest.approx(again)  # logarithmic
        assert rounding == pytest.approx(tenfold / 2)  # what is rounding alone takes a quarter of the height
    assert {line.get_linestyle() for line in lines(start)} == {"-"}
    assert {line.get_linestyle() for line in lines(end, "cnn")} == {"-", "--"}
    rows = WHOLE.equivariance.query("layer == 'output' and stage == 'trained' and train_size == 12000")
    (strongest,) = (line for line in lines(end, "gcnn C4") if line.get_linestyle() == "--")
    chosen = rows[(rows["label"] == "gcnn C4") & (rows["strength"] == 1.0)]
    expected = chosen.groupby("magnitude")["error"].mean().to_list()
    assert np.asarray(strongest.get_ydata()) == pytest.approx(expected, rel=EXACT)
    assert start.get_ylim()[0] < 3e-7
    assert "0" not in [tick.get_text() for tick in start.get_yticklabels()]


def test_errors_of_exactly_zero_have_a_tick_of_their_own_below_the_others() -> None:
    def change(errors: pd.DataFrame) -> None:
        errors.loc[(errors["label"] == "hnet") & (errors["magnitude"] == 90), "error"] = 0.0

    ax = drawn("equivariance_by_angle", with_errors(WHOLE, change)).axes[0]
    shown = dict(zip([tick.get_text() for tick in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    (line,) = lines(ax, "hnet")
    assert np.asarray(line.get_ydata())[2] == pytest.approx(shown["0"], rel=EXACT)
    others = [float(np.asarray(other.get_ydata()).min()) for other in lines(ax) if other is not line]
    assert ax.get_ylim()[0] < shown["0"] < min(others) / 5


def test_the_floor_of_resampling_is_one_dotted_line_where_it_is_not_zero() -> None:
    figure = whole("equivariance_by_angle")
    for ax in figure.axes:
        (floor,) = (line for line in ax.get_lines() if line.get_linestyle() == ":")
        assert list(np.asarray(floor.get_xdata())) == [15, 45]
        assert np.asarray(floor.get_ydata()) == pytest.approx([0.1, 0.1], rel=EXACT)
    assert legend_texts(figure)[-1] == "resampling floor of the image"


def test_intervals_of_a_share_are_cut_where_no_share_can_be_and_the_note_says_so() -> None:
    wild = made_up(seeds=2)
    wild.runs["transformed_score"] = np.where(wild.runs["seed"] == 0, 0.55, 0.95)
    for name in ("score_by_strength", "score_by_size", "score_by_time"):
        figure = drawn(name, wild)
        low, high = figure.axes[0].get_ylim()
        assert -0.1 < low <= 0 < 1 <= high < 1.1
        assert any("cut at 0 and 100 %" in " ".join(text.get_text().split()) for text in figure.texts)


def test_mirrored_elements_have_a_row_of_their_own() -> None:
    mirrored = WHOLE.equivariance.assign(kind="mirrored rotation")
    both = dataclasses.replace(WHOLE, equivariance=pd.concat([WHOLE.equivariance, mirrored]))
    titles = [ax.get_title() for ax in drawn("equivariance_by_angle", both).axes]
    assert [title.startswith("mirrored") for title in titles] == [False, False, True, True]


def test_an_interval_that_reaches_zero_keeps_its_upper_half_on_a_logarithmic_axis() -> None:
    def change(errors: pd.DataFrame) -> None:
        chosen = (errors["label"] == "cnn") & (errors["magnitude"] == 15) & (errors["seed"] == 0)
        errors.loc[chosen, "error"] = 30.0

    figure = drawn("equivariance_by_angle", with_errors(WHOLE, change))
    low, high = bar_ends(figure.axes[0], "cnn")[0]
    (line,) = lines(figure.axes[0], "cnn")
    assert low == pytest.approx(float(np.asarray(line.get_ydata())[0]), rel=EXACT)
    assert high > 30
    assert "reaches zero" in texts(figure)


# --- what every figure has in common


@pytest.mark.parametrize("name", MEANS)
def test_a_label_has_one_colour_and_marker_in_every_panel_of_every_figure(name: str) -> None:
    expected = looks(WHOLE.runs)
    figure = whole(name)
    assert set(LABELS) <= set(legend_texts(figure))
    for ax in figure.axes:
        for line in lines(ax):
            look = expected[str(line.get_label())]
            assert (line.get_color(), line.get_marker()) == (look.colour, look.marker)


@pytest.mark.parametrize("name", MEANS)
def test_limits_hold_everything_that_is_drawn(name: str) -> None:
    two_seeds = made_up((100, 12000), (0.0, 1.0), seeds=2)
    for ax in drawn(name, two_seeds).axes:
        low, high = ax.get_ylim()
        left, right = ax.get_xlim()
        for line in lines(ax):
            x, y = (np.asarray(data, float) for data in line.get_data())
            assert ((left < x) & (x < right) & (low < y) & (y < high)).all()
        for label in LABELS:
            for bottom, top in bar_ends(ax, label):
                assert low < bottom <= top < high
        for collection in ax.collections:
            for path in collection.get_paths():
                assert ((path.vertices[:, 1] > low) & (path.vertices[:, 1] < high)).all()


@pytest.mark.parametrize("name", MEANS)
def test_panels_share_the_vertical_axis_and_the_text_lies_below_them(name: str) -> None:
    figure = whole(name)
    assert figure.get_size_inches()[0] == (3.4 if len(figure.axes) == 1 else 7.0)
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    figure.draw_without_rendering()
    box = figure.bbox
    lowest = min(ax.get_tightbbox().y0 for ax in figure.axes)
    legend, (note,) = figure.legends[0].get_window_extent(), (text.get_window_extent() for text in figure.texts)
    assert legend.y1 <= lowest
    assert note.y1 <= legend.y0
    for extent in (legend, note, *(ax.get_tightbbox() for ax in figure.axes)):
        assert box.x0 <= extent.x0 < extent.x1 <= box.x1
        assert box.y0 <= extent.y0 < extent.y1 <= box.y1
    for ax in figure.axes:
        sizes = [
            text.get_fontsize() for text in (ax.title, ax.xaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels())
        ]
        assert min(sizes) >= 7
    assert figure.axes[-1].get_xlabel()
    assert figure.axes[0].get_ylabel()


@pytest.mark.parametrize("name", [name for name in MEANS if "equivariance" not in name and name != "measurements"])
def test_shares_are_percents(name: str) -> None:
    ax = whole(name).axes[0]
    shown = [tick.get_text() for tick in ax.get_yticklabels()]
    assert f"{ax.get_yticks()[1]:.0%}" == shown[1]


@pytest.mark.parametrize("name", MEANS)
def test_cells_that_are_not_done_are_counted_and_do_not_enter(name: str) -> None:
    def change(runs: pd.DataFrame) -> None:
        runs.loc[runs["label"] == "hnet", ["status", "transformed_score"]] = ["skipped", math.nan]
        runs.loc[(runs["label"] == "cnn") & (runs["seed"] == 2), ["status", "transformed_score"]] = ["oom", 0.0]

    figure = drawn(name, with_runs(WHOLE, change))
    assert "36 cells not done (9 oom, 27 skipped)" in texts(figure)
    assert "over 2 to 3 seeds" in texts(figure)
    assert "hnet" not in legend_texts(figure)


def test_a_mean_is_over_the_cells_that_are_done() -> None:
    def change(runs: pd.DataFrame) -> None:
        runs.loc[(runs["label"] == "cnn") & (runs["seed"] == 2), ["status", "transformed_score"]] = ["diverged", 0.1]

    (line,) = lines(drawn("score_by_strength", with_runs(WHOLE, change)).axes[0], "cnn")
    rows = WHOLE.runs.query("label == 'cnn' and seed < 2 and train_size == 100")
    expected = rows.groupby("strength")["transformed_score"].mean().to_list()
    assert np.asarray(line.get_ydata()) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("name", ["score_by_time", "learning_curves"])
def test_seconds_of_a_shared_device_are_called_so(name: str) -> None:
    def change(runs: pd.DataFrame) -> None:
        runs.loc[0, "timing"] = "shared"

    assert "timing shared" not in texts(whole(name))
    assert "timing shared" in texts(drawn(name, with_runs(WHOLE, change)))


def test_one_seed_draws_no_interval() -> None:
    single = made_up((100, 12000), (0.0, 1.0), seeds=1)
    for name in MEANS:
        figure = drawn(name, single)
        assert not [container for ax in figure.axes for container in ax.containers]
        assert "one seed, no intervals" in texts(figure)


# --- colours


def test_families_differ_in_colour_and_in_marker() -> None:
    names = [*FAMILIES, "mine", "yours"]
    found = looks(pd.DataFrame({"label": names, "family": names}))
    assert len({look.colour for look in found.values()}) == len({look.marker for look in found.values()}) == len(names)


@pytest.mark.parametrize("family", ["cnn", "steerable", "mine"])
def test_six_labels_of_a_family_share_its_marker_and_differ(family: str) -> None:
    labels = [f"{family} C{n}" for n in (2, 4, 6, 8, 12, 16)]
    found = looks(pd.DataFrame({"label": labels, "family": family}))
    assert list(found) == labels
    assert len({look.marker for look in found.values()}) == 1
    assert len({(look.colour, look.filled) for look in found.values()}) == 6


@given(st.permutations([("a", "mine"), ("b", "yours"), ("cnn", "cnn"), ("c", "mine")]))
def test_looks_do_not_depend_on_the_order_of_rows(rows: list[tuple[str, str]]) -> None:
    assert looks(pd.DataFrame(rows, columns=["label", "family"])) == looks(
        pd.DataFrame(sorted(rows), columns=["label", "family"])
    )


# --- tables that lack something


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


# --- files


def test_files_are_written_whole_and_equal_for_equal_tables(tmp_path: Path) -> None:
    small = made_up((100, 1000), (0.0, 1.0), 5, TWO)
    first, second = draw_all(small, tmp_path / "a"), draw_all(small, tmp_path / "b")
    assert [path.name for path in first] == [
        f"{name}.{kind}" for name in FIGURES if name != "roc" for kind in ("png", "pdf")
    ]
    assert sorted((tmp_path / "a").iterdir()) == sorted(first)
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    for path in first:
        content = path.read_bytes()
        if path.suffix == ".pdf":
            assert b"/CIDFontType2" in content
            assert b"/Type3" not in content
            assert b"CreationDate" not in content
        else:
            width = int.from_bytes(content[16:20], "big")
            assert width == 300 * (3.4 if path.stem in ("score_by_size", "gap_by_size", "measurements") else 7.0)


def test_figures_do_not_import_torch_or_open_pyplot_figures() -> None:
    code = "import sys, bench.figures, matplotlib.pyplot as p; print('torch' in sys.modules, p.get_fignums())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "[]"]


# on axes of somebody else's


@pytest.mark.parametrize("name", MEANS)
def test_a_figure_is_drawn_on_given_axes(name: str) -> None:
    count = len(whole(name).axes)
    theirs = Figure()
    axes = [theirs.add_subplot(1, count, i + 1) for i in range(count)]
    size = tuple(theirs.get_size_inches())
    assert FIGURES[name](WHOLE, axes) is theirs
    assert len(theirs.axes) == count
    assert tuple(theirs.get_size_inches()) == size
    for own, ax in zip(whole(name).axes, axes, strict=True):
        assert len(lines(ax)) == len(lines(own)) > 0
        assert ax.get_title() == own.get_title()
    assert axes[-1].get_legend() is not None


def test_another_number_of_axes_is_refused() -> None:
    with pytest.raises(ValueError, match="this figure has 3 panels; found 1 axes"):
        FIGURES["score_by_strength"](WHOLE, [Figure().add_subplot()])
