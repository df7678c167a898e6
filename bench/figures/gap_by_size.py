"""Augmented plain networks against equivariant ones without augmentation, by the number of training examples.

The figure of Gerken et al. 2022: a line for each size of the plain network, the equivariant one as the level to reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.opponents import is_plain
from bench.analysis.summary import done, summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.score_by_strength import reason as no_score
from bench.figures.settings import TRANSFORMED, examples_of, note, score_of, within_bounds
from bench.results.tables import Tables


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := no_score(tables):
        return against
    plain, equivariant = _sides(tables)
    if plain.empty or equivariant.empty:
        return "there is no plain network with augmentation beside an equivariant one without"
    sizes = plain["train_size"].unique()
    return f"{sizes[0]:,} is the only training-set size" if len(sizes) == 1 else None


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return a dashed line per augmented plain label and a solid one per equivariant label, or None: see `reason`.

    The dotted line goes on from the equivariant network's fewest examples: where a plain line crosses it, that many
    augmented examples are as good.
    """
    if reason(tables):
        return None
    score = score_of(tables)
    points, remarks = within_bounds(
        summarise(pd.concat(_sides(tables)), ["strength", "label", "train_size"], "transformed_score"), score
    )
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    exponents = [math.log10(size) for size in sorted(set(points["train_size"]))]
    shifts = scales.dodges(len(shown), exponents, alone=0.5)
    figure, (ax,) = layout.panels([""], height=2.2, on=on)
    scales.size_axis(ax, exponents)
    scales.score_axis([ax], points, score)
    for label, shift in zip(shown, shifts, strict=True):
        part = points[points["label"] == label].sort_values("train_size")
        augmented = float(part["strength"].iloc[0])
        style.line(ax, part["train_size"] * 10**shift, part, appearance[label], label, style.dash(augmented))
        if augmented == 0:
            ax.axhline(float(part["mean"].iloc[0]), color=appearance[label].colour, linewidth=0.6, linestyle=":")
    layout.label_axes([ax], f"training {examples_of(tables)}", f"transformed {score.label}")
    strengths = sorted(set(points["strength"]))
    entries = {label: style.entry(appearance[label]) for label in shown} | style.strength_entries(strengths)
    return layout.finish(figure, entries, note(tables, TRANSFORMED, points["n"], *remarks), on)


def _sides(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cells of plain networks with the strongest augmentation, and of equivariant ones without any."""
    runs = done(tables.runs)
    plain = is_plain(runs)
    strongest = runs.loc[plain, "strength"].max()
    return runs[plain & (runs["strength"] == strongest) & (strongest > 0)], runs[~plain & (runs["strength"] == 0)]
