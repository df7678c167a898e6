"""Lines with intervals and axes as plotly takes them, and numbers as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.figures.looks import Look
from bench.figures.style import named
from bench.scores import Score

#: matplotlib's markers by their names in plotly.
MARKERS = {
    **{"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x"},
    **{"p": "pentagon", "<": "triangle-left", ">": "triangle-right", "h": "hexagon", "d": "diamond-tall", "*": "star"},
    "8": "octagon",
}

MOST_POINTS = 40
OUTLINE = "#1a1a1a"


def by_strength(
    points: pd.DataFrame, x: str, appearance: Mapping[str, Look], hover: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a line for every label and strength, of `MOST_POINTS` points at most: dashed where it was augmented."""
    for (label, strength), rows in groups(points, ["label", "strength"]):
        thin = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(int))]
        hover_texts = [named(strength) + (f", step {step:,}" if hover else "") for step in thin[hover or "strength"]]
        yield line(thin, x, appearance[label], label, hover=hover_texts, dash="dash" if strength else "solid")


def line(
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
        "x": rounded(points[x]),
        "y": rounded(points["mean"]),
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
        bars = {"array": rounded(above), "arrayminus": rounded(below), "thickness": 1, "width": 2}
        trace["error_y"] = {"type": "data", "symmetric": False, **bars}
    return trace


def groups(frame: pd.DataFrame, by: str | list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the parts of a frame by their keys."""
    yield from frame.groupby(by)


def axes(x: str, y: str, logarithmic: str = "") -> dict[str, Any]:
    """Return the layout of two axes with these titles, of which those named in ``logarithmic`` are so."""
    kinds = {axis: {"type": "log"} if axis in logarithmic else {} for axis in "xy"}
    return {"xaxis": {"title": {"text": x}, **kinds["x"]}, "yaxis": {"title": {"text": y}, **kinds["y"]}}


def in_percent(score: Score, points: pd.DataFrame) -> pd.DataFrame:
    """Return points as an axis has them: shares in percent, their intervals cut to where a mean of shares can lie."""
    ends = {key: 100 * points[key].clip(0, 1) if score.is_share else points[key] for key in ("mean", "low", "high")}
    read: pd.DataFrame = points.assign(**ends)
    return read


def labelled(score: Score) -> str:
    """Return what an axis of a score is called, with its unit."""
    return f"{score.label}, %" if score.is_share else score.label


def capital(score: Score) -> str:
    """Return what a score is called at the beginning of a sentence."""
    return score.label[0].upper() + score.label[1:]


def logarithmic(score: Score) -> str:
    """Return the axis that is logarithmic for a score on the vertical one."""
    return "" if score.is_share else "y"


def rounded(values: Iterable[Any]) -> list[float | None]:
    """Return numbers with four digits, and None for what is none."""
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]
