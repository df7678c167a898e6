"""The figures of comparisons: every interval, margin and bracket where the tables have it, and nothing overlapping."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from bench.analysis.brackets import brackets
from bench.analysis.comparisons import comparisons
from bench.figures import FIGURES, REASONS
from bench.results.tables import Tables
from tests.matrices import matrix, noise

LABELS = {"cnn": "C1", "steerable C8": "C8", "gcnn C4": "C4"}


def ahead(label: str, size: int, strength: float, seed: int) -> float:
    gain = {"cnn": 0.0, "steerable C8": 0.2, "gcnn C4": 0.02}[label]
    grown = {100: 0.0, 1000: 0.1, 12000: 0.2}[size]
    return 0.5 + gain + grown - 0.1 * (strength == 0) + noise(label, size, strength, seed) * (1 + size / 1000)


def tables() -> Tables:
    made = matrix(ahead, labels=LABELS, sizes=(100, 1000, 12000))
    return Tables(made.runs.assign(training_flops_per_example=3e6, steps=400.0), made.curves, made.equivariance)


def test_augmented_plain_networks_are_drawn_against_the_level_to_reach() -> None:
    figure = FIGURES["gap_by_size"](tables())
    assert figure is not None
    (ax,) = figure.axes
    dashed = [line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 3]
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert len(dashed) == 1
    runs = tables().runs
    least = runs[(runs["train_size"] == 100) & (runs["strength"] == 0) & (runs["group"] != "C1")]
    levels = least.groupby("label")["transformed_score"].mean()
    assert sorted(line.get_ydata()[0] for line in dotted) == pytest.approx(sorted(levels))


def test_without_both_sides_there_is_no_gap_to_draw() -> None:
    made = tables()
    alone = Tables(made.runs[made.runs["group"] == "C1"], made.curves, made.equivariance)
    assert FIGURES["gap_by_size"](alone) is None
    assert (
        REASONS["gap_by_size"](alone) == "there is no plain network with augmentation beside an equivariant one without"
    )
    few = Tables(made.runs[made.runs["train_size"] == 100], made.curves, made.equivariance)
    assert REASONS["gap_by_size"](few) == "100 is the only training-set size"


@pytest.fixture(scope="module", params=["comparisons", "exchange"])
def drawn(request: pytest.FixtureRequest) -> Figure:
    figure = FIGURES[request.param](tables())
    assert figure is not None
    return figure


def test_text_lies_inside_and_apart(drawn: Figure) -> None:
    drawn.draw_without_rendering()
    for ax in drawn.axes:
        assert drawn.bbox.x0 <= ax.get_tightbbox().x0 < ax.get_tightbbox().x1 <= drawn.bbox.x1
    texts = [text for ax in drawn.axes for text in (ax.title, ax.xaxis.label)]
    extents = [text.get_window_extent() for text in texts if text.get_text()]
    assert not any(one.overlaps(other) for one, other in combinations(extents, 2))
    assert drawn.legends[0].get_window_extent().y0 >= max(text.get_window_extent().y1 for text in drawn.texts)


def test_every_comparison_has_its_row_and_its_opponent(drawn: Figure) -> None:
    drawn.draw_without_rendering()
    rows = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert rows[::-1] == ["gcnn C4\nequal FLOPs and parameters", "steerable C8\nequal FLOPs and parameters"]
    assert [ax.get_title() for ax in drawn.axes] == [
        text.replace("N", size)
        for size in ("100", "1,000", "12,000")
        for text in ["N training images" if "training" in drawn.axes[0].get_title() else "as good as with N images"]
    ]


def bars(figure: Figure) -> Iterator[tuple[int, str, float, float]]:
    for i, ax in enumerate(figure.axes):
        for container in ax.containers:
            assert isinstance(container, ErrorbarContainer)
            (segment,) = container.lines[2][0].get_segments()
            yield i, str(container.get_label()), float(segment[0][0]), float(segment[1][0])


def test_intervals_and_margin_are_the_tables() -> None:
    made = tables()
    figure = FIGURES["comparisons"](made)
    assert figure is not None
    table = comparisons(made.runs)
    sizes = sorted(set(table["train_size"]))
    expected = {(sizes.index(row.train_size), row.label): (100 * row.low, 100 * row.high) for row in table.itertuples()}
    found = {(i, label): pytest.approx((low, high)) for i, label, low, high in bars(figure)}
    assert expected == found
    shade = figure.axes[0].patches[0].get_extents().transformed(figure.axes[0].transData.inverted())
    assert (shade.x0, shade.x1) == pytest.approx((-2, 2))


@pytest.mark.parametrize(
    ("name", "shown"), [("comparisons", "intervals that count all looks"), ("exchange", "brackets over")]
)
def test_the_caption_names_what_is_shown_and_no_intervals_of_means(name: str, shown: str) -> None:
    figure = FIGURES[name](tables())
    assert figure is not None
    (caption,) = [text.get_text() for text in figure.texts if "seeds" in text.get_text()]
    assert shown in " ".join(caption.split())
    assert "t-interval" not in caption


def test_a_bracket_ends_at_tried_amounts_and_an_arrow_says_that_it_goes_on() -> None:
    made = tables()
    figure = FIGURES["exchange"](made)
    assert figure is not None
    table = brackets(made.runs)
    row = table[(table["label"] == "steerable C8") & (table["train_size"] == 12000)].iloc[0]
    assert row["more_than"] == 12000
    lines = [line for line in figure.axes[2].get_lines() if line.get_marker() in (">", "<", "|")]
    ends = [(line.get_marker(), float(line.get_xdata()[0])) for line in lines]
    assert ("|", 12000.0) in ends
    assert any(marker == ">" and at > 12000 for marker, at in ends)


@pytest.mark.parametrize("name", ["comparisons", "exchange"])
def test_without_a_tested_seed_or_a_bound_there_is_no_figure_and_a_reason(name: str) -> None:
    alone = matrix(ahead, labels={"cnn": "C1"}, sizes=(100,))
    assert FIGURES[name](alone) is None
    assert REASONS[name](alone)
    assert REASONS[name](Tables(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())) == "there are no runs"


def test_rows_are_as_high_for_many_networks_as_for_few() -> None:
    heights = []
    for count in (2, 4, 6):
        labels = {"cnn": "C1", **{f"steerable {i}": "C8" for i in range(count)}}
        made = matrix(lambda *axes: 0.5 + noise(*axes), labels=labels, sizes=(100,))
        figure = FIGURES["comparisons"](made)
        assert figure is not None
        heights.append(figure.axes[0].get_position().height * figure.get_size_inches()[1])
    assert all(later > earlier for earlier, later in pairwise(heights))
