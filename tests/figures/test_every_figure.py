"""What all figures of means have in common."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.figures import FIGURES
from bench.figures.looks import looks
from tests.figures.made_up import (
    LABELS,
    MEANS,
    WHOLE,
    bar_ends,
    drawn,
    legend_texts,
    lines,
    made_up,
    texts,
    whole,
    with_runs,
)
from tests.tolerances import FLOAT64_ARITHMETIC as EXACT


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
