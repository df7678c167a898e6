"""Transformed score against training-set size: how much data augmentation and built-in symmetry each save."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.summary import done, summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.score_by_strength import reason as no_score
from bench.figures.settings import TRANSFORMED, examples_of, extremes, note, score_of, within_bounds
from bench.results.tables import Tables


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := no_score(tables):
        return against
    sizes = done(tables.runs)["train_size"].unique()
    # a line is what tells solid from dashed; score_by_strength shows the same cells
    return f"{sizes[0]:,} is the only training-set size" if len(sizes) == 1 else None


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return a line per label without augmentation (solid) and with the strongest (dashed), or None: see `reason`."""
    if reason(tables):
        return None
    score = score_of(tables)
    runs = done(tables.runs)
    compared = extremes(runs)
    chosen = runs[runs["strength"].isin(compared)]
    points, remarks = within_bounds(summarise(chosen, ["strength", "label", "train_size"], "transformed_score"), score)
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    sizes = sorted(set(points["train_size"]))
    exponents = [math.log10(size) for size in sizes]
    lines = [(label, strength) for label in shown for strength in compared]
    shifts = scales.dodges(len(lines), exponents, alone=0.5)
    figure, (ax,) = layout.panels([""], height=2.2, on=on)
    scales.size_axis(ax, exponents)
    scales.score_axis([ax], points, score)
    for (label, strength), shift in zip(lines, shifts, strict=True):
        part = points[(points["label"] == label) & (points["strength"] == strength)]
        if not part.empty:
            x = part["train_size"] * 10**shift
            style.line(ax, x, part, appearance[label], label, style.dash(strength))
    layout.label_axes([ax], f"training {examples_of(tables)}", f"transformed {score.label}")
    entries = {label: style.entry(appearance[label]) for label in shown} | style.strength_entries(compared)
    return layout.finish(figure, entries, note(tables, TRANSFORMED, points["n"], *remarks), on)
