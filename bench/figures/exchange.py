"""How many images the plain network needs to be as good: between amounts that were tried."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bench.analysis.brackets import brackets
from bench.analysis.summary import each
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.settings import examples_of, note, obstacle, score_of
from bench.results.tables import Tables


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    return None if len(bounded(tables)) else "no number of examples of a plain network is bounded by what was tried"


def bounded(tables: Tables) -> pd.DataFrame:
    """Return the brackets of images that bound anything."""
    rows = brackets(tables.runs)
    says = (rows["more_than"] > 0) | rows["at_most"].map(math.isfinite) | rows["interpolated"].notna()
    rows_bounded: pd.DataFrame = rows[(rows["along"] == "train_size") & says]
    return rows_bounded


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return one panel per training-set size with a row per network and opponent, or None: see `reason`.

    A line goes from the largest number that is too small, with 95 %, to the least that is enough, an arrow on from
    where nothing bounds it; the marker is where the means cross, interpolated; the dotted line is the network's own.
    """
    if reason(tables):
        return None
    rows = bounded(tables)
    sizes = sorted(set(rows["train_size"]))
    names = list(dict.fromkeys(f"{row.label}\n{row.at}" for row in each(rows)))
    appearance = looks(tables.runs)
    figure, axes = layout.row_panels([f"as good as with {size:,} {examples_of(tables)}" for size in sizes], names, on)
    least, most = float(rows["least"].min()), float(rows["most"].max())
    tried = sorted(map(float, set(tables.runs["train_size"])))
    for ax, size in zip(axes, sizes, strict=True):
        ax.set_xscale("log")
        ax.set_xlim(least / 2, most * 2)
        ax.axvline(size, color=style.GREY, linewidth=0.6, linestyle=":")
        for row in each(rows[rows["train_size"] == size]):
            look, y = appearance[row.label], len(names) - 1 - names.index(f"{row.label}\n{row.at}")
            low = row.more_than if row.more_than > 0 else least / 1.6
            high = row.at_most if math.isfinite(row.at_most) else most * 1.6
            ax.plot([low, high], [y, y], color=look.colour, linewidth=1.2)
            for end, is_open, arrow in ((low, row.more_than == 0, "<"), (high, math.isinf(row.at_most), ">")):
                ax.plot([end], [y], marker=arrow if is_open else "|", color=look.colour, markersize=5 if is_open else 7)
            if not math.isnan(row.interpolated):
                ax.plot([row.interpolated], [y], linestyle="none", **look.keywords())
        ax.set_xticks([10**exponent for exponent in scales.readable([math.log10(amount) for amount in tried])])
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.xaxis.set_minor_locator(NullLocator())
    layout.label_axes(axes, f"{examples_of(tables)} needed", "")
    entries = {label: style.entry(look) for label, look in appearance.items() if label in set(rows["label"])}
    remarks = [
        "from the largest number at which the plain network is worse to the least at which it is better, with 95 % in "
        "every row by itself",
        "an arrow where what was tried does not bound it; a marker where the means cross, interpolated",
    ]
    what = f"{score_of(tables).label} on test inputs moved by"
    caption = note(tables, what, rows["n"], *remarks, shown="brackets")
    return layout.finish(figure, entries, caption, on)
