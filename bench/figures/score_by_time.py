"""Transformed score against training time: what each family's score costs, augmentation included."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.analysis.summary import done, summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.score_by_strength import reason as no_score
from bench.figures.settings import TRANSFORMED, examples_of, note, score_of, timing, within_bounds
from bench.results.tables import Tables

AXES = ["train_size", "label", "strength"]


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := no_score(tables):
        return against
    return None if (done(tables.runs)["train_seconds"] > 0).any() else "no cell has a training time"


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return one panel per training-set size with a marker per label and strength, larger for the stronger, or None.

    Vertical bars are intervals of the score, horizontal ones the range of the seconds. See `reason` for None.
    """
    if reason(tables):
        return None
    score = score_of(tables)
    runs = done(tables.runs)
    scores, remarks = within_bounds(summarise(runs, AXES, "transformed_score"), score)
    # a range, not a t-interval: on a logarithmic axis the latter reaches zero for two or three seeds
    seconds = runs[runs["train_seconds"] > 0].groupby(AXES)["train_seconds"].agg(["mean", "min", "max"]).reset_index()
    points = scores.merge(seconds, on=AXES, suffixes=("", "_seconds"))
    remarks = [*remarks, "horizontal lines are the range over seeds", *timing(tables.runs)]
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    sizes, strengths = sorted(set(points["train_size"])), sorted(set(points["strength"]))
    area = {strength: 2.5 + 3 * i / max(len(strengths) - 1, 1) for i, strength in enumerate(strengths)}
    figure, axes = layout.panels([f"{size:,} training {examples_of(tables)}" for size in sizes], on=on)
    by_size = [points[points["train_size"] == size] for size in sizes]
    ends = ["mean_seconds", "min", "max"]
    scales.time_axis(axes, [pd.concat([part[end] for end in ends]) for part in by_size])
    scales.score_axis(axes, points, score)
    for ax, of_size in zip(axes, by_size, strict=True):
        for label in shown:
            part = of_size[of_size["label"] == label]
            if part.empty:
                continue
            look = appearance[label]
            x = part["mean_seconds"]
            ax.plot(x, part["mean"], color=look.colour, linewidth=0.6, alpha=0.6, label=label)
            for strength, at, mean in zip(part["strength"], x, part["mean"], strict=True):
                ax.plot(at, mean, linestyle="", markersize=area[strength], label=label, **look.keywords())
            style.bars(ax, x, part, look, label)
            ax.hlines(part["mean"], part["min"], part["max"], look.colour, linewidth=0.5, alpha=0.6, label=label)
    layout.label_axes(axes, "training time (s)", f"transformed {score.label}")
    entries = {label: style.entry(appearance[label]) for label in shown} | {
        style.named(strength): Line2D([], [], color=style.GREY, marker="o", linestyle="", markersize=area[strength])
        for strength in strengths
    }
    return layout.finish(figure, entries, note(tables, TRANSFORMED, points["n"], *remarks), on)
