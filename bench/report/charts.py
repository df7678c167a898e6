"""Tables to interactive charts, as what plotly.js draws: plain lists of panels, each with its traces.

A chart has one panel per training-set size, or per stage; its traces carry the label of their family, by which the page
shows and hides them. Numbers are rounded to four digits, and long curves thinned, so that the page stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.frontier import frontier
from bench.analysis.summary import done, each, summarise
from bench.figures.comparisons import tested
from bench.figures.looks import Look, looks
from bench.figures.settings import extremes, of_done, split
from bench.figures.style import GREY, named
from bench.tables import Tables

#: matplotlib's markers by their names in plotly.
MARKERS = {
    **{"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x"},
    **{"p": "pentagon", "<": "triangle-left", ">": "triangle-right", "h": "hexagon", "d": "diamond-tall", "*": "star"},
    "8": "octagon",
}

MOST_POINTS = 40
OUTLINE = "#1a1a1a"


@dataclass(frozen=True)
class Panel:
    """One pair of axes: its title, what plotly calls traces and layout."""

    title: str
    traces: list[dict[str, Any]]
    layout: dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A heading, a sentence about what is drawn, the panels, and whether it is on the first screen."""

    title: str
    about: str
    panels: list[Panel] = field(default_factory=list)
    is_first: bool = False


def charts(tables: Tables) -> Iterator[Chart]:
    """Yield the charts that the tables allow, for every setting (data set, augmentation group, kind of copies)."""
    appearance = looks(tables.runs) if not tables.runs.empty else {}
    for setting, part in split(tables).items():
        for chart in _of_setting(part, appearance):
            if any(panel.traces for panel in chart.panels):
                yield replace(chart, title=f"{chart.title} ({setting})" if setting else chart.title)


def _of_setting(tables: Tables, appearance: Mapping[str, Look]) -> Iterator[Chart]:
    runs = done(tables.runs)
    if runs.empty:
        return
    yield _comparisons(tables, appearance)
    points = _percent(summarise(runs, ["train_size", "strength", "label"], "transformed_accuracy"))
    yield Chart(
        "Accuracy by augmentation strength",
        "Test inputs moved by random elements of the whole group; means with 95 % t-intervals over seeds.",
        [
            Panel(
                f"{size:,} training images",
                [_line(rows, "strength", appearance[label], label) for label, rows in _groups(of_size, "label")],
                _axes("augmentation strength", "accuracy, %"),
            )
            for size, of_size in points.groupby("train_size")
        ],
    )
    compared = points[points["strength"].isin(extremes(tables.runs))]
    if points["train_size"].nunique() > 1:
        yield Chart(
            "Accuracy by training-set size",
            "Solid without augmentation, dashed with the strongest; means with 95 % t-intervals over seeds.",
            [
                Panel(
                    "",
                    list(_by_strength(compared, "train_size", appearance)),
                    _axes("training images", "accuracy, %", "x"),
                )
            ],
        )
    yield _by_cost(runs, points, appearance, "train_seconds", "training time, s")
    yield _frontier(tables, appearance)
    yield _equivariance(tables, appearance)
    yield _curves(tables, appearance)


def _comparisons(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    rows = tested(tables)
    panels = []
    for size, of_size in rows.groupby("train_size"):
        traces = [_gain(row, appearance[row.label]) for row in each(of_size[::-1])]
        axes = _axes("gain, points", "")
        axes["xaxis"] |= {"rangemode": "tozero", "zeroline": True, "zerolinecolor": GREY}
        panels.append(Panel(f"{size:,} training images", traces, axes))
    return Chart(
        "What building the symmetry in gains",
        "Transformed accuracy minus that of the plain network of the same size, on seeds that chose nothing; intervals "
        "are those of the tests, all looks and comparisons counted.",
        panels,
        is_first=True,
    )


def _gain(row: Any, look: Look) -> dict[str, Any]:
    """Return the trace of one comparison: a point with a horizontal interval."""
    trace: dict[str, Any] = {
        "x": _rounded([100 * row.difference]),
        "y": [f"{row.label}, {row.at}"],
        "name": row.label,
        "mode": "markers",
        "marker": {"color": look.colour, "symbol": MARKERS[look.marker] + ("" if look.filled else "-open"), "size": 8},
        "text": [f"over {row.n} seeds, against {row.plain_label}"],
        "hovertemplate": "%{x} points %{text}<extra>%{fullData.name}</extra>",
    }
    if not np.isnan(row.low):
        above, below = 100 * (row.high - row.difference), 100 * (row.difference - row.low)
        bars = {"array": _rounded([above]), "arrayminus": _rounded([below]), "thickness": 1.5, "width": 4}
        trace["error_x"] = {"type": "data", "symmetric": False, **bars}
    return trace


def _by_cost(runs: pd.DataFrame, points: pd.DataFrame, appearance: Mapping[str, Look], cost: str, axis: str) -> Chart:
    at = ["train_size", "strength", "label"]
    costs = runs.groupby(at)[cost].mean().rename("cost").reset_index()
    merged = points.merge(costs[costs["cost"] > 0], on=at)
    shared = (runs["timing"] == "shared").any()
    return Chart(
        "Accuracy by training time",
        "Every point is a strength of augmentation."
        + (" Cells shared the device, so that seconds are indications only." if shared else ""),
        [
            Panel(
                f"{size:,} training images",
                [
                    _line(rows, "cost", appearance[label], label, hover=[named(s) for s in rows["strength"]])
                    for label, rows in _groups(of_size, "label")
                ],
                _axes(axis, "accuracy, %", "x"),
            )
            for size, of_size in merged.groupby("train_size")
        ],
    )


def _frontier(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    rows = _percent(frontier(tables, "flops"))
    return Chart(
        "The best of every compute budget",
        "For each family the best accuracy on transformed validation inputs within a budget of training FLOPs, over "
        "all strengths, sizes and evaluations during training.",
        [
            Panel(
                "",
                [
                    _line(
                        of_label,
                        "budget",
                        appearance[label],
                        label,
                        hover=[
                            f"{named(s)}, {n:,} images"
                            for s, n in zip(of_label["strength"], of_label["train_size"], strict=True)
                        ],
                        shape="hv",
                    )
                    for label, of_label in _groups(rows, "label")
                ],
                _axes("training FLOPs", "validation accuracy, %", "x"),
            )
        ]
        if len(rows)
        else [],
    )


def _equivariance(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    errors = of_done(tables.equivariance, tables.runs)
    if not errors.empty:
        errors = errors[errors["degrees"].notna() & (errors["train_size"] == errors["train_size"].max())]
    panels = []
    for (mirror, stage), rows in errors.groupby(["mirror", "stage"]) if not errors.empty else ():
        strengths = extremes(tables.runs)[:1] if stage == "init" else extremes(tables.runs)
        ends = rows[(rows["layer"] == "output") & rows["strength"].isin(strengths)]
        means = summarise(ends, ["strength", "label", "degrees"], "error")
        floor = rows[rows["layer"] == "input"].groupby("degrees")["floor"].mean()
        traces = list(_by_strength(means, "degrees", appearance))
        traces.append(
            {
                "x": _rounded(floor[floor > 0].index),
                "y": _rounded(floor[floor > 0]),
                "name": "resampling floor",
                "mode": "lines",
                "line": {"color": GREY, "dash": "dot", "width": 1.5},
            }
        )
        title = ("mirrored, " if mirror else "") + ("at initialisation" if stage == "init" else "after training")
        panels.append(Panel(title, traces, _axes("angle, degrees", "relative error", "y")))
    return Chart(
        "Equivariance error by angle",
        "End to end, on the largest training set; solid without augmentation, dashed with the strongest. Dotted is "
        "what resampling the image alone costs: a multiple of 90 degrees needs none.",
        panels,
    )


def _curves(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    curves = of_done(tables.curves, tables.runs)
    if curves.empty:
        return Chart("Learning curves", "")
    curves = curves[curves["strength"].isin(extremes(tables.runs))]
    at = ["train_size", "strength", "label", "step"]
    points = summarise(curves, at, "validation_accuracy")
    points["seconds"] = curves.dropna(subset=["validation_accuracy"]).groupby(at)["seconds"].mean().to_numpy()
    points = _percent(points[points["seconds"] > 0]).assign(low=np.nan, high=np.nan)
    return Chart(
        "Learning curves",
        "Validation inputs moved as in training; means over seeds. Solid without augmentation, dashed with the "
        "strongest.",
        [
            Panel(
                f"{size:,} training images",
                list(_by_strength(of_size, "seconds", appearance, "step")),
                _axes("training time, s", "validation accuracy, %", "x"),
            )
            for size, of_size in points.groupby("train_size")
        ],
    )


def _by_strength(
    points: pd.DataFrame, x: str, appearance: Mapping[str, Look], hover: str | None = None
) -> Iterator[dict[str, Any]]:
    for (label, strength), rows in _groups(points, ["label", "strength"]):
        thin = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(int))]
        told = [named(strength) + (f", step {step:,}" if hover else "") for step in thin[hover or "strength"]]
        yield _line(thin, x, appearance[label], label, hover=told, dash="dash" if strength else "solid")


def _line(
    points: pd.DataFrame,
    x: str,
    look: Look,
    label: str,
    hover: Iterable[str] | None = None,
    dash: str = "solid",
    shape: str = "linear",
) -> dict[str, Any]:
    """Return one trace of means with their intervals, in the colour and the marker of its family."""
    trace: dict[str, Any] = {
        "x": _rounded(points[x]),
        "y": _rounded(points["mean"]),
        "name": label,
        "mode": "lines+markers",
        "line": {"color": look.colour, "dash": dash, "width": 1.5, "shape": shape},
        "marker": {"color": look.colour, "symbol": MARKERS[look.marker] + ("" if look.filled else "-open"), "size": 7},
    }
    if look.filled:
        # the paler colours alone have less contrast with the page than WCAG asks of what is drawn
        trace["marker"]["line"] = {"color": OUTLINE, "width": 1}
    if hover is not None:
        trace |= {"text": list(hover), "hovertemplate": "%{y} at %{x}, %{text}<extra>%{fullData.name}</extra>"}
    if points["low"].notna().any():
        # an axis of errors is logarithmic: an interval that reaches zero has no lower half there
        above, below = points["high"] - points["mean"], (points["mean"] - points["low"]).where(points["low"] > 0, 0)
        bars = {"array": _rounded(above), "arrayminus": _rounded(below), "thickness": 1, "width": 2}
        trace["error_y"] = {"type": "data", "symmetric": False, **bars}
    return trace


def _groups(frame: pd.DataFrame, by: str | list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    yield from frame.groupby(by)


def _axes(x: str, y: str, logarithmic: str = "") -> dict[str, Any]:
    kinds = {axis: {"type": "log"} if axis in logarithmic else {} for axis in "xy"}
    return {"xaxis": {"title": {"text": x}, **kinds["x"]}, "yaxis": {"title": {"text": y}, **kinds["y"]}}


def _percent(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points of a share in percent, their intervals cut to where a mean of shares can lie."""
    ends = {key: 100 * points[key].clip(0, 1) for key in ("mean", "low", "high")}
    percent: pd.DataFrame = points.assign(**ends)
    return percent


def _rounded(values: Iterable[Any]) -> list[float | None]:
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]
