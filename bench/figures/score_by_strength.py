"""Transformed score against augmentation strength: what augmentation buys each family, by training-set size."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.summary import done, summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.settings import TRANSFORMED, examples_of, note, obstacle, score_of, within_bounds
from bench.results.tables import Tables


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    return "no cell has a transformed score" if done(tables.runs)["transformed_score"].isna().all() else None


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return one panel per training-set size with a line per label, or None where `reason` says why not."""
    if reason(tables):
        return None
    score = score_of(tables)
    points, remarks = within_bounds(
        summarise(done(tables.runs), ["train_size", "label", "strength"], "transformed_score"), score
    )
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    sizes, strengths = sorted(set(points["train_size"])), sorted(set(points["strength"]))
    shifts = scales.dodges(len(shown), strengths, alone=1)
    figure, axes = layout.panels([f"{size:,} training {examples_of(tables)}" for size in sizes], on=on)
    scales.score_axis(axes, points, score)
    for ax, size in zip(axes, sizes, strict=True):
        scales.ticks(ax, strengths, "{x:g}", alone=0.5)
        for label, shift in zip(shown, shifts, strict=True):
            part = points[(points["train_size"] == size) & (points["label"] == label)]
            if not part.empty:
                style.line(ax, part["strength"] + shift, part, appearance[label], label)
    layout.label_axes(axes, "augmentation strength", f"transformed {score.label}")
    entries = {label: style.entry(appearance[label]) for label in shown}
    return layout.finish(figure, entries, note(tables, TRANSFORMED, points["n"], *remarks), on)
