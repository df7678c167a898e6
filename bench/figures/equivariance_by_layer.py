"""Where the equivariance error comes from: layer by layer, at an angle that the grid has and at one between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.summary import summarise
from bench.figures import layout, style
from bench.figures.equivariance_by_angle import ROUNDING, error_axis, zero_level
from bench.figures.looks import looks
from bench.figures.settings import note, obstacle, of_done, reaching_zero
from bench.results.tables import Tables

AXES = ["magnitude", "stage", "label", "layer"]


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    chosen = _chosen(tables)
    return None if not chosen.empty else "no cell that is done has an equivariance error of a layer"


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return panels for 90 degrees and for an angle between, of the largest training set, or None: see `reason`.

    Where elements are not counted in degrees, the least and the largest that were measured.

    Before training is solid and after it, with the least augmentation, dashed. Layers on which an angle does not act
    (45 degrees on regular fields of C4) have no point.
    """
    if reason(tables):
        return None
    chosen = _chosen(tables)
    points = summarise(chosen, AXES, "error")
    remarks = reaching_zero(points)
    points["low"] = style.above_zero(points["low"], points["mean"])
    if (points["mean"] < ROUNDING).any():
        remarks.append(f"below {ROUNDING:g} the decades are drawn smaller")
    zero = zero_level(pd.concat([points["mean"], points["low"]]))
    layers = list(dict.fromkeys(_in_order(chosen)))
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(points["label"])]
    magnitudes, unit = sorted(set(points["magnitude"])), chosen["unit"].iloc[0]
    titles = [f"turned by {each:g}°" if unit == "degrees" else f"{unit} {each:g}" for each in magnitudes]
    figure, axes = layout.panels(titles, height=2.2, on=on)
    error_axis(axes, zero, points, points.iloc[:0].assign(mean=[]))
    position = {layer: i for i, layer in enumerate(layers)}
    shifts = np.linspace(-0.25, 0.25, len(shown)) if len(shown) > 1 else [0.0]
    for ax, magnitude in zip(axes, magnitudes, strict=True):
        ax.set_xticks(range(len(layers)), layers, rotation=45, ha="right")
        for label, shift in zip(shown, shifts, strict=True):
            for stage, dash in (("init", "-"), ("trained", "--")):
                of_label = (points["label"] == label) & (points["stage"] == stage) & (points["magnitude"] == magnitude)
                part = points[of_label].assign(at=points["layer"].map(position)).sort_values("at")
                if not part.empty:
                    above = part.assign(**{end: part[end].clip(lower=zero) for end in ("mean", "low", "high")})
                    style.line(ax, part["at"] + shift, above, appearance[label], label, dash)
    layout.label_axes(axes, "layer", "relative equivariance error")
    entries = {label: style.entry(appearance[label]) for label in shown}
    styles = "solid before training, dashed after it"
    return layout.finish(figure, entries, note(tables, "augmentation by", points["n"], styles, *remarks), on)


def _chosen(tables: Tables) -> pd.DataFrame:
    """Return the errors of layers that are drawn: largest training set, least strength, an angle of either kind."""
    rows = of_done(tables.equivariance, tables.runs)
    if rows.empty:
        return rows
    rows = rows[rows["magnitude"].notna() & ~rows["kind"].str.startswith("mirrored") & rows["error"].notna()]
    rows = rows[
        (rows["magnitude"] != 0) & (rows["layer"] != "input") & (rows["train_size"] == rows["train_size"].max())
    ]
    rows = rows[rows["strength"] == rows["strength"].min()]
    exact = rows["magnitude"] % 90 == 0
    between = rows.loc[~exact, "magnitude"]
    angles = {rows.loc[exact, "magnitude"].min(), between.iloc[(between - 45).abs().argmin()] if len(between) else None}
    ends = {rows["magnitude"].min(), rows["magnitude"].max()}
    chosen: pd.DataFrame = rows.loc[rows["magnitude"].isin(angles if (rows["unit"] == "degrees").all() else ends)]
    return chosen


def _in_order(rows: pd.DataFrame) -> list[str]:
    """Return the names of the layers from the input on: those of the deepest network first, the output last."""
    by_label = [list(dict.fromkeys(part["layer"])) for _, part in rows.groupby("label", sort=False)]
    names = [layer for layers in sorted(by_label, key=len, reverse=True) for layer in layers]
    return [*(layer for layer in names if layer != "output"), "output"]
