"""What the measurements of plug-ins found, against augmentation strength: one panel for each column."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.summary import done, summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.settings import examples_of, note, obstacle
from bench.results.columns import AXES, COLUMNS
from bench.results.tables import Tables

MOST = 6


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    return None if _columns(tables.runs) else "no measurement of a plug-in is in the tables"


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return panels of the largest training set, the first six columns by name, or None where `reason` says why not."""
    if reason(tables):
        return None
    runs = done(tables.runs)
    largest = runs[runs["train_size"] == runs["train_size"].max()]
    columns = _columns(tables.runs)
    points = {column: summarise(largest, ["label", "strength"], column) for column in columns}
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(largest["label"])]
    strengths = sorted(set(largest["strength"]))
    shifts = scales.dodges(len(shown), strengths, alone=1)
    figure, axes = layout.panels([column.replace("_", " ") for column in columns], on=on)
    for ax, column in zip(axes, columns, strict=True):
        scales.ticks(ax, strengths, "{x:g}", alone=0.5)
        for label, shift in zip(shown, shifts, strict=True):
            part = points[column][points[column]["label"] == label]
            if not part.empty:
                style.line(ax, part["strength"] + shift, part, appearance[label], label)
    layout.label_axes(axes, "augmentation strength", "measured")
    entries = {label: style.entry(appearance[label]) for label in shown}
    size = f"trained on {int(largest['train_size'].iloc[0]):,} {examples_of(tables)}"
    seeds = pd.concat([part["n"] for part in points.values()])
    return layout.finish(figure, entries, note(tables, "augmentation by", seeds, size), on)


def _columns(runs: pd.DataFrame) -> list[str]:
    """Return the columns of numbers that the schema does not know."""
    unknown = set(runs.columns) - AXES.keys() - COLUMNS["runs"].keys()
    return sorted(c for c in unknown if pd.api.types.is_numeric_dtype(runs[c]) and done(runs)[c].notna().any())[:MOST]
