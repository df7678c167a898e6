"""What building the symmetry in gains over the plain network of its size, with the intervals of the tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from bench.analysis.comparisons import comparisons
from bench.analysis.summary import each
from bench.figures import layout, style
from bench.figures.looks import looks
from bench.figures.settings import examples_of, note, obstacle, score_of
from bench.results.tables import Tables


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    return None if len(tested(tables)) else "no equivariant and plain network share a seed that chose nothing"


def tested(tables: Tables) -> pd.DataFrame:
    """Return the comparisons that a seed tests."""
    rows = comparisons(tables.runs)
    rows_tested: pd.DataFrame = rows[rows["n"] > 0]
    return rows_tested


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return one panel per training-set size with a row per comparison, or None: see `reason`."""
    if reason(tables):
        return None
    rows = tested(tables)
    sizes = sorted(set(rows["train_size"]))
    names = list(dict.fromkeys(f"{row.label}\n{row.at}" for row in each(rows)))
    appearance = looks(tables.runs)
    figure, axes = layout.row_panels([f"{size:,} training {examples_of(tables)}" for size in sizes], names, on)
    score, limit = score_of(tables), float(rows["margin"].iloc[0])
    for ax, size in zip(axes, sizes, strict=True):
        if not score.is_share:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_locator(NullLocator())
        ax.axvspan(score.gain(-limit), score.gain(limit), color="#e8e8e8", linewidth=0)
        ax.axvline(score.gain(0.0), color=style.GREY, linewidth=0.6)
        for row in each(rows[rows["train_size"] == size]):
            look, y = appearance[row.label], len(names) - 1 - names.index(f"{row.label}\n{row.at}")
            gain, low, high = (score.gain(value) for value in (row.difference, row.low, row.high))
            ax.errorbar(
                [gain],
                [y],
                xerr=np.nan_to_num([[gain - low], [high - gain]]),
                ecolor=look.colour,
                elinewidth=0.9,
                capsize=2,
                linestyle="none",
                label=row.label,
                **look.keywords(),
            )
    layout.label_axes(axes, score.gain_label, "")
    entries = {label: style.entry(look) for label, look in appearance.items() if label in set(rows["label"])}
    remarks = ["on seeds that chose nothing", f"grey is what counts as equal, {score.margin_text(limit)}"]
    shown = "differences, with intervals that count all looks and comparisons,"
    caption = note(tables, "gain on test inputs moved by", rows["n"], *remarks, shown=shown)
    return layout.finish(figure, entries, caption, on)
