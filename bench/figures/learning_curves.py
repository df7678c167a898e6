"""Validation score against training time, while it goes on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.summary import summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.settings import examples_of, extremes, note, obstacle, of_done, score_of, timing, within_bounds
from bench.results.tables import Tables

AXES = ["train_size", "strength", "label", "step"]


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    return "no cell that is done has a curve" if _points(tables).empty else None


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return a panel per training-set size, without augmentation and with the strongest, or None: see `reason`.

    A line goes through the mean score at the mean time of every evaluation, in the band of the score's interval.
    """
    if reason(tables):
        return None
    score = score_of(tables)
    points, remarks = within_bounds(_points(tables), score)
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    pairs = sorted(set(zip(points["train_size"], points["strength"], strict=True)))
    sizes, strengths = ({pair[i] for pair in pairs} for i in range(2))
    # a row per size, so that the two strengths of a size lie side by side
    grid = len(strengths) if len(strengths) > 1 and len(pairs) == len(sizes) * len(strengths) else None
    figure, axes = layout.panels(
        [f"{size:,} {examples_of(tables)}, {style.named(strength)}" for size, strength in pairs], grid, on=on
    )
    parts = [points[(points["train_size"] == size) & (points["strength"] == strength)] for size, strength in pairs]
    scales.time_axis(axes, [part["seconds"] for part in parts])
    scales.score_axis(axes, points, score)
    for ax, part in zip(axes, parts, strict=True):
        for label in shown:
            curve = part[part["label"] == label]
            if curve.empty:
                continue
            look = appearance[label]
            every = max(1, len(curve) // 6)
            sns.lineplot(
                x=curve["seconds"].to_numpy(float),
                y=curve["mean"].to_numpy(float),
                ax=ax,
                estimator=None,
                errorbar=None,
                legend=False,
                markevery=every,
                **look.keywords(),
            )
            ax.lines[-1].set_label(label)
            ax.fill_between(
                curve["seconds"], curve["low"], curve["high"], color=look.colour, alpha=0.1, linewidth=0, label=label
            )
    layout.label_axes(axes, "training time (s)", f"validation {score.label}")
    entries = {label: style.entry(appearance[label]) for label in shown}
    return layout.finish(
        figure,
        entries,
        note(tables, "validation inputs moved as in training, by", points["n"], *remarks, *timing(tables.runs)),
        on,
    )


def _points(tables: Tables) -> pd.DataFrame:
    """Return the means by evaluation, with their mean time in ``seconds``; those at 0 s are left out."""
    curves = of_done(tables.curves, tables.runs)
    if curves.empty:
        return curves
    curves = curves.loc[curves["strength"].isin(extremes(tables.runs))]
    seconds = summarise(curves, AXES, "seconds").rename(columns={"mean": "seconds"})[[*AXES, "seconds"]]
    points = summarise(curves, AXES, "validation_score").merge(seconds, on=AXES)
    timed: pd.DataFrame = points.loc[points["seconds"] > 0]
    return timed
