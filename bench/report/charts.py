"""Tables to interactive charts, as what plotly.js draws: plain lists of panels, each with its traces.

A chart has one panel per training-set size, or per stage; its traces carry the label of their family, by which the page
shows and hides them. Numbers are rounded to four digits, and long curves thinned, so that the page stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.frontier import frontier
from bench.analysis.summary import done, each, summarise
from bench.figures.comparisons import tested
from bench.figures.looks import Look, looks
from bench.figures.settings import examples_of, extremes, of_done, score_of, split
from bench.figures.style import GREY, named
from bench.report.traces import (
    MARKERS,
    axes,
    by_strength,
    capital,
    groups,
    in_percent,
    labelled,
    line,
    logarithmic,
    rounded,
)
from bench.results.tables import Tables
from bench.scores import Score


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
    score = score_of(tables)
    yield _comparisons(tables, appearance)
    points = in_percent(score, summarise(runs, ["train_size", "strength", "label"], "transformed_score"))
    yield Chart(
        f"{capital(score)} by augmentation strength",
        "Test inputs moved by random elements of the whole group; means with 95 % t-intervals over seeds.",
        [
            Panel(
                f"{size:,} training {examples_of(tables)}",
                [line(rows, "strength", appearance[label], label) for label, rows in groups(of_size, "label")],
                axes("augmentation strength", labelled(score), logarithmic(score)),
            )
            for size, of_size in points.groupby("train_size")
        ],
    )
    compared = points[points["strength"].isin(extremes(tables.runs))]
    if points["train_size"].nunique() > 1:
        yield Chart(
            f"{capital(score)} by training-set size",
            "Solid without augmentation, dashed with the strongest; means with 95 % t-intervals over seeds.",
            [
                Panel(
                    "",
                    list(by_strength(compared, "train_size", appearance)),
                    axes(f"training {examples_of(tables)}", labelled(score), "x" + logarithmic(score)),
                )
            ],
        )
    yield _by_cost(tables, points, appearance, score)
    yield _frontier(tables, appearance)
    yield _equivariance(tables, appearance)
    yield _curves(tables, appearance)


def _comparisons(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    rows, score = tested(tables), score_of(tables)
    panels = []
    for size, of_size in rows.groupby("train_size"):
        traces = [_gain(row, appearance[row.label], score) for row in each(of_size[::-1])]
        frame = axes(score.gain_label, "", "" if score.is_share else "x")
        if score.is_share:
            frame["xaxis"] |= {"rangemode": "tozero", "zeroline": True, "zerolinecolor": GREY}
        panels.append(Panel(f"{size:,} training {examples_of(tables)}", traces, frame))
    return Chart(
        "What building the symmetry in gains",
        f"How much better the transformed {score.label} is than that of the plain network of the same size, on seeds "
        "that chose nothing; intervals are those of the tests, all looks and comparisons counted.",
        panels,
        is_first=True,
    )


def _gain(row: Any, look: Look, score: Score) -> dict[str, Any]:
    """Return the trace of one comparison: a point with a horizontal interval."""
    trace: dict[str, Any] = {
        "x": rounded([score.gain(row.difference)]),
        "y": [f"{row.label}, {row.at}"],
        "name": row.label,
        "mode": "markers",
        "marker": {"color": look.colour, "symbol": MARKERS[look.marker] + ("" if look.filled else "-open"), "size": 8},
        "text": [f"over {row.n} seeds, against {row.plain_label}"],
        "hovertemplate": f"%{{x}}{' points' if score.is_share else ''} %{{text}}<extra>%{{fullData.name}}</extra>",
    }
    if not np.isnan(row.low):
        gain, low, high = (score.gain(value) for value in (row.difference, row.low, row.high))
        above, below = high - gain, gain - low
        bars = {"array": rounded([above]), "arrayminus": rounded([below]), "thickness": 1.5, "width": 4}
        trace["error_x"] = {"type": "data", "symmetric": False, **bars}
    return trace


def _by_cost(tables: Tables, points: pd.DataFrame, appearance: Mapping[str, Look], score: Score) -> Chart:
    runs = done(tables.runs)
    at = ["train_size", "strength", "label"]
    costs = runs.groupby(at)["train_seconds"].mean().rename("cost").reset_index()
    merged = points.merge(costs[costs["cost"] > 0], on=at)
    shared = (runs["timing"] == "shared").any()
    return Chart(
        f"{capital(score)} by training time",
        "Every point is a strength of augmentation."
        + (" Cells shared the device, so that seconds are indications only." if shared else ""),
        [
            Panel(
                f"{size:,} training {examples_of(tables)}",
                [
                    line(rows, "cost", appearance[label], label, hover=[named(s) for s in rows["strength"]])
                    for label, rows in groups(of_size, "label")
                ],
                axes("training time, s", labelled(score), "x" + logarithmic(score)),
            )
            for size, of_size in merged.groupby("train_size")
        ],
    )


def _frontier(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    score = score_of(tables)
    rows = in_percent(score, frontier(tables, "flops"))
    return Chart(
        "The best of every compute budget",
        f"For each family the best {score.label} on transformed validation inputs within a budget of training FLOPs, "
        "over all strengths, sizes and evaluations during training.",
        [
            Panel(
                "",
                [
                    line(
                        of_label,
                        "budget",
                        appearance[label],
                        label,
                        hover=[
                            f"{named(s)}, {n:,} {examples_of(tables)}"
                            for s, n in zip(of_label["strength"], of_label["train_size"], strict=True)
                        ],
                        shape="hv",
                    )
                    for label, of_label in groups(rows, "label")
                ],
                axes("training FLOPs", f"validation {labelled(score)}", "x" + logarithmic(score)),
            )
        ]
        if len(rows)
        else [],
    )


def _equivariance(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    errors = of_done(tables.equivariance, tables.runs)
    if not errors.empty:
        errors = errors[errors["magnitude"].notna() & (errors["train_size"] == errors["train_size"].max())]
    panels = []
    for (kind, stage), rows in errors.groupby(["kind", "stage"]) if not errors.empty else ():
        strengths = extremes(tables.runs)[:1] if stage == "init" else extremes(tables.runs)
        ends = rows[(rows["layer"] == "output") & rows["strength"].isin(strengths)]
        means = summarise(ends, ["strength", "label", "magnitude"], "error")
        floor = rows[rows["layer"] == "input"].groupby("magnitude")["floor"].mean()
        traces = list(by_strength(means, "magnitude", appearance))
        traces.append(
            {
                "x": rounded(floor[floor > 0].index),
                "y": rounded(floor[floor > 0]),
                "name": "resampling floor",
                "mode": "lines",
                "line": {"color": GREY, "dash": "dot", "width": 1.5},
            }
        )
        title = ("" if kind == "rotation" else f"{kind}, ") + (
            "at initialisation" if stage == "init" else "after training"
        )
        panels.append(Panel(title, traces, axes(_magnitude(rows["unit"].iloc[0]), "relative error", "y")))
    return Chart(
        "Equivariance error by angle",
        "End to end, on the largest training set; solid without augmentation, dashed with the strongest. Dotted is "
        "what resampling the image alone costs: a multiple of 90 degrees needs none.",
        panels,
    )


def _magnitude(unit: str) -> str:
    return "angle, degrees" if unit == "degrees" else unit


def _curves(tables: Tables, appearance: Mapping[str, Look]) -> Chart:
    curves = of_done(tables.curves, tables.runs)
    if curves.empty:
        return Chart("Learning curves", "")
    curves = curves[curves["strength"].isin(extremes(tables.runs))]
    at = ["train_size", "strength", "label", "step"]
    points = summarise(curves, at, "validation_score")
    points["seconds"] = curves.dropna(subset=["validation_score"]).groupby(at)["seconds"].mean().to_numpy()
    score = score_of(tables)
    points = in_percent(score, points[points["seconds"] > 0]).assign(low=np.nan, high=np.nan)
    return Chart(
        "Learning curves",
        "Validation inputs moved as in training; means over seeds. Solid without augmentation, dashed with the "
        "strongest.",
        [
            Panel(
                f"{size:,} training {examples_of(tables)}",
                list(by_strength(of_size, "seconds", appearance, "step")),
                axes("training time, s", f"validation {labelled(score)}", "x" + logarithmic(score)),
            )
            for size, of_size in points.groupby("train_size")
        ],
    )
