"""End-to-end equivariance error by angle, at initialisation and after training: what is built in, what is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from bench.analysis.summary import summarise
from bench.figures import layout, scales, style
from bench.figures.looks import looks
from bench.figures.settings import examples_of, extremes, note, obstacle, of_done, reaching_zero
from bench.results.tables import Tables

AXES = ["kind", "stage", "strength", "label", "magnitude"]
FLOOR: Literal[":"] = ":"
# errors below it are rounding: how small they are says little, and would take most of a logarithmic axis
ROUNDING = 1e-3
SQUEEZED = 0.25


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    chosen = _chosen(tables)
    measured = not chosen.empty and (chosen["layer"] == "output").any()
    return None if measured else "no cell that is done has an equivariance error"


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return panels for both stages of the largest training set, a row for every kind of element, or None.

    Trained without augmentation is solid and with the strongest dashed; before training the two are the same network.
    Errors of exactly zero lie on a line of their own below the others. The dotted line is the floor: what
    resampling the image alone costs, where that is not zero. See `reason` for None.
    """
    if reason(tables):
        return None
    chosen = _chosen(tables)
    points = summarise(chosen[chosen["layer"] == "output"], AXES, "error")
    floors = summarise(chosen[chosen["layer"] == "input"], ["kind", "stage", "magnitude"], "floor")
    floors = floors[floors["mean"] > 0]
    remarks = reaching_zero(points)
    if (points["mean"] < ROUNDING).any():
        remarks.append(f"below {ROUNDING:g} the decades are drawn smaller")
    points["low"] = style.above_zero(points["low"], points["mean"])
    zero = zero_level(pd.concat([points["mean"], points["low"], floors["mean"]]))
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    strengths = sorted(set(points["strength"]))
    size = f"{chosen['train_size'].iloc[0]:,} {examples_of(tables)}"
    pairs = sorted(set(zip(points["kind"], points["stage"], strict=True)), key=lambda pair: (len(pair[0]), *pair))
    titles = [_title(kind, stage, size, len({kind for kind, _ in pairs}) > 1) for kind, stage in pairs]
    figure, axes = layout.panels(titles, len(set(points["stage"])), height=2.2, on=on)
    lines = [(label, strength) for label in shown for strength in strengths]
    magnitudes = sorted(set(points["magnitude"]))
    unit = chosen["unit"].iloc[0]
    shifts = scales.dodges(len(lines), magnitudes, alone=magnitudes[0] / 3 or 1)
    error_axis(axes, zero, points, floors)
    for ax, (kind, stage) in zip(axes, pairs, strict=True):
        scales.ticks(ax, magnitudes, "{x:g}°" if unit == "degrees" else "{x:g}", alone=magnitudes[0] / 4 or 1)
        here = (points["kind"] == kind) & (points["stage"] == stage)
        floor = floors[(floors["kind"] == kind) & (floors["stage"] == stage)]
        if not floor.empty:
            # of the data alone: the same for every network
            ax.plot(floor["magnitude"], floor["mean"], FLOOR, color=style.GREY, marker=".", linewidth=1, label="floor")
        for (label, strength), shift in zip(lines, shifts, strict=True):
            look = appearance[label]
            part = points[here & (points["label"] == label) & (points["strength"] == strength)]
            if not part.empty:
                above = part.assign(**{end: part[end].clip(lower=zero) for end in ("mean", "low", "high")})
                style.line(ax, part["magnitude"] + shift, above, look, label, style.dash(strength))
    layout.label_axes(axes, "angle" if unit == "degrees" else unit, "relative equivariance error")
    entries = {label: style.entry(appearance[label]) for label in shown} | style.strength_entries(strengths)
    if not floors.empty:
        entries["resampling floor of the image"] = Line2D([], [], color=style.GREY, linestyle=FLOOR, marker=".")
    caption = note(tables, "error of the outputs, augmentation by", points["n"], *remarks)
    return layout.finish(figure, entries, caption, on)


def _chosen(tables: Tables) -> pd.DataFrame:
    """Return the rows of inputs and logits that are drawn: largest training set, extreme strengths, one init."""
    rows = of_done(tables.equivariance, tables.runs)
    if rows.empty:
        return rows
    # rows without a magnitude are of other metrics
    rows = rows[rows["layer"].isin(["input", "output"]) & rows["error"].notna() & rows["magnitude"].notna()]
    rows = rows[rows["train_size"] == rows["train_size"].max()]
    strengths = extremes(tables.runs)
    trained = (rows["stage"] == "trained") & rows["strength"].isin(strengths)
    chosen: pd.DataFrame = rows.loc[trained | ((rows["stage"] == "init") & (rows["strength"] == strengths[0]))]
    return chosen


def _title(kind: str, stage: str, size: str, several: bool) -> str:
    moved = f"{kind}, " if several else ""
    return f"{moved}{'at initialisation' if stage == 'init' else f'trained on {size}'}"


def zero_level(values: pd.Series[float]) -> float:
    """Return where zero is drawn: a decade below the decade of the least positive value."""
    positive = values[values > 0]
    return float(10.0 ** (math.floor(math.log10(positive.min())) - 1)) if len(positive) else 1e-8


def error_axis(axes: Sequence[Axes], zero: float, points: pd.DataFrame, floors: pd.DataFrame) -> None:
    """Number the decades, and zero if anything is there; those below ROUNDING are drawn lower than the others."""
    has_zero = bool((points["mean"] == 0).any())
    first = round(math.log10(zero)) + 1
    drawn = np.concatenate([points[["mean", "high"]].to_numpy(float).ravel(), floors["mean"].to_numpy(float)])
    top = max(float(np.nanmax(drawn)), 10.0 ** (first + 1))
    decades = range(first, math.ceil(math.log10(top) - 1e-9) + 1)
    ticks = [10.0**power for power in decades if 10.0**power >= ROUNDING or power % 3 == 0]
    for ax in axes:
        ax.set_yscale("function", functions=(_heights, _values))
    axes[0].yaxis.set_major_locator(FixedLocator([zero, *ticks] if has_zero else ticks))
    axes[0].yaxis.set_minor_locator(NullLocator())
    axes[0].yaxis.set_major_formatter(lambda y, _: "0" if y < 3 * zero else f"$10^{{{round(math.log10(y))}}}$")
    axes[0].set_ylim(zero / 2 if has_zero else 10.0**first / 1.5, top * 1.5)


def _heights(values: np.ndarray) -> np.ndarray:
    """Return the heights of values: one per decade above ROUNDING, SQUEEZED below it."""
    decades = np.log10(np.maximum(values, 1e-300) / ROUNDING)
    heights: np.ndarray = np.where(decades < 0, decades * SQUEEZED, decades)
    return heights


def _values(heights: np.ndarray) -> np.ndarray:
    values: np.ndarray = ROUNDING * 10.0 ** np.where(heights < 0, heights / SQUEEZED, heights)
    return values
