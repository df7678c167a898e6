"""What each figure of means draws of the tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from tests.figures.made_up import (
    LABELS,
    WHOLE,
    bar_ends,
    drawn,
    legend_texts,
    lines,
    made_up,
    t_interval,
    texts,
    whole,
    with_errors,
)
from tests.tolerances import FLOAT64_ARITHMETIC as EXACT


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
