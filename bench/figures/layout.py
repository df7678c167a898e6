"""The sheet of paper: panels of a column's or a page's width, with the legend and a note below them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.figures.style import GREY

COLUMN_WIDTH, PAGE_WIDTH = 3.4, 7.0
# characters of 7 pt text in one inch
CHARACTERS = 18.0


def panels(
    titles: Sequence[str], columns: int | None = None, height: float = 1.9, on: Sequence[Axes] | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel per title, on one shared vertical axis: a column wide, or a page if several.

    ``height`` is that of a panel in inches. Instead, the panels may be axes ``on`` which to draw, of a figure that
    somebody else made; ValueError for another number of them.
    """
    count = len(titles)
    if on is not None:
        if len(on) != count:
            raise ValueError(f"this figure has {count} panels; found {len(on)} axes to draw them on")
        for ax, title in zip(on, titles, strict=True):
            ax.set_title(title)
            if not on[0].get_shared_y_axes().joined(on[0], ax):
                ax.sharey(on[0])
        figure = on[0].get_figure(root=True)
        assert figure is not None
        return figure, list(on)
    columns = columns or (count if count <= 4 else 3)
    rows = math.ceil(count / columns)
    width = COLUMN_WIDTH if count == 1 else PAGE_WIDTH
    figure = Figure(figsize=(width, rows * height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for unused in grid[count:]:
        unused.remove()
    axes = list(grid[:count])
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
        # ticks are made when they are drawn, which may be after this style's settings have gone
        ax.tick_params(labelsize=7)
    return figure, axes


def row_panels(titles: Sequence[str], names: Sequence[str], on: Sequence[Axes] | None) -> tuple[Figure, list[Axes]]:
    """Return `panels` with a named row for everything that is compared, the first at the top, at len(names) - 1."""
    figure, axes = panels(titles, height=0.7 + 0.22 * len(names), on=on)
    for ax in axes:
        ax.set_yticks(range(len(names)), list(reversed(names)))
        ax.set_ylim(-0.6, len(names) - 0.4)
    return figure, axes


def label_axes(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the horizontal axis below the lowest panel of each column, the vertical one left of each row."""
    for i, ax in enumerate(axes):
        spec = ax.get_subplotspec()
        if spec is None or spec.is_first_col():
            ax.set_ylabel(y)
        if spec is None or i + spec.get_gridspec().ncols >= len(axes):
            ax.set_xlabel(x)
        sns.despine(ax=ax)


def finish(figure: Figure, entries: Mapping[str, Line2D], note: str, on: Sequence[Axes] | None = None) -> Figure:
    """Put the legend and a note below the panels, and give the figure the height that they need.

    A figure of somebody else's keeps its size, and has the legend in the last of the axes.
    """
    if on is not None:
        on[-1].legend(entries.values(), entries.keys())
        return figure
    width, height = figure.get_size_inches()
    text = figure.text(0.01, 0, textwrap.fill(note, int(width * CHARACTERS)), va="bottom", color=GREY, parse_math=False)
    note_height = text.get_window_extent().height / figure.dpi + 0.07
    names = [textwrap.fill(name, int(COLUMN_WIDTH * CHARACTERS) - 10) for name in entries]
    for columns in range(len(names), 0, -1):
        legend = figure.legend(
            entries.values(), map(str, range(len(names))), loc="lower center", ncols=columns, frameon=False
        )
        # set afterwards, as matplotlib drops entries that start with '_' and reads '$' as mathematics
        for shown, name in zip(legend.get_texts(), names, strict=True):
            shown.set(text=name, parse_math=False)
        extent = legend.get_window_extent()
        if extent.width <= width * figure.dpi or columns == 1:
            break
        legend.remove()
    below = note_height + extent.height / figure.dpi + 0.06
    figure.set_size_inches(width, height + below)
    text.set_y(0.03 / (height + below))
    legend.set_bbox_to_anchor((0.5, note_height / (height + below)))
    figure.set_layout_engine("constrained", rect=(0, below / (height + below), 1, height / (height + below)))
    return figure
