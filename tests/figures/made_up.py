"""Tables that are made up, and what is read off a figure that was drawn of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from bench.figures import FIGURES
from bench.results import tables as made
from bench.results.tables import Tables
from tests.matrices import PLANE

#: Label: family, group, score at the smallest size, what augmentation adds, seconds a step, equivariance error.
LABELS = {
    "cnn": ("cnn", "C1", 0.42, 0.22, 0.004, 0.6),
    "gcnn C4": ("gcnn", "C4", 0.60, 0.10, 0.011, 0.25),
    "steerable C8 regular": ("steerable", "C8", 0.72, 0.04, 0.021, 0.05),
    "steerable SO(2) irreps": ("steerable", "SO(2)", 0.70, 0.02, 0.017, 0.02),
    "hnet": ("hnet", "SO(2)", 0.69, 0.03, 0.025, 0.03),
    "et rotation": ("et", "SO(2)", 0.65, 0.06, 0.008, 0.09),
}
ANGLES = (15.0, 45.0, 90.0, 180.0)
STEPS = (250, 500, 1000)


#: Figures of means; those of comparisons have rows in place of axes of numbers (test_comparison_figures.py).
MEANS = [name for name in FIGURES if name not in ("comparisons", "exchange", "roc")]
SHOW_ONE_SIZE = [name for name in MEANS if name not in ("score_by_size", "gap_by_size")]


def made_up(
    sizes: tuple[int, ...] = (100, 1000, 12000),
    strengths: tuple[float, ...] = (0.0, 0.5, 1.0),
    seeds: int = 3,
    labels: dict[str, tuple[str, str, float, float, float, float]] = LABELS,
    dataset: str = "rotated-mnist",
    group: str = "SO(2)",
    copies: int = 0,
) -> Tables:
    """Return tables of cells that are all done, like real ones in shape and size."""
    draw = np.random.default_rng(0)
    runs, curves, errors = [], [], []
    for label, (family, symmetry, base, gain, pace, error) in labels.items():
        for size in sizes:
            growth = math.log10(size / sizes[0]) / 3
            for strength in strengths:
                for seed in range(seeds):
                    axes = {
                        **PLANE,
                        "cell_id": f"{dataset}/{group}/{label}/{size}/{strength}/{copies if strength else 0}/{seed}",
                        "suite": "made-up",
                        "dataset": dataset,
                        "train_size": size,
                        "family": family,
                        "label": label,
                        "group": symmetry,
                        "augmentation_group": group,
                        "strength": strength,
                        "copies": copies if strength else 0,
                        "seed": seed,
                    }
                    rise = (0.95 - base) * growth + gain * (1 - growth) * math.sqrt(strength)
                    accuracy = base + rise + draw.normal(0, 0.008)
                    seconds = 1000 * pace * (1 + growth) * draw.normal(1, 0.04)
                    measured = {"transformed_score": accuracy, "train_seconds": seconds, "timing": "exclusive"}
                    measured["brier"] = (1 - accuracy) ** 2  # a plug-in's
                    measured |= {"transformed_validation_score": accuracy, "parameters": 1e4, "flops_per_example": 1e6}
                    runs.append({**axes, "status": "done", "reason": "", **measured})
                    for step in STEPS:
                        reached = accuracy * (1 - math.exp(-step / 250)) + draw.normal(0, 0.01)
                        told = {"step": step, "seconds": seconds * step / 1000, "validation_score": reached}
                        curves.append({**axes, **told})
                    for stage in ("init", "trained"):
                        for degrees in ANGLES:
                            exact = degrees % 90 == 0 and symmetry != "C1"
                            size_of = 3e-7 if exact else error * (1.5 - strength if stage == "trained" else 1)
                            for layer, floor in (
                                ("input", 0.1 if degrees % 90 else 0.0),
                                ("block1", 0.08),
                                ("output", 0.0),
                            ):
                                told = {"stage": stage, "layer": layer, "kind": "rotation", "magnitude": degrees}
                                told["unit"] = "degrees"
                                told |= {"samples": 8, "metric": "relative l2", "metric_version": 2}
                                value = 0.0 if layer == "input" else size_of * draw.lognormal(0, 0.1)
                                errors.append({**axes, **told, "error": value, "floor": floor})
    frames = {"runs": runs, "curves": curves, "equivariance": errors}
    return Tables(**{name: made.typed(name, pd.DataFrame(rows)) for name, rows in frames.items()})


WHOLE = made_up()
TWO = {label: LABELS[label] for label in ("cnn", "steerable C8 regular")}


def with_runs(tables: Tables, change: Callable[[pd.DataFrame], None]) -> Tables:
    runs = tables.runs.copy()
    change(runs)
    return dataclasses.replace(tables, runs=runs)


def with_errors(tables: Tables, change: Callable[[pd.DataFrame], None]) -> Tables:
    errors = tables.equivariance.copy()
    change(errors)
    return dataclasses.replace(tables, equivariance=errors)


@cache
def whole(name: str) -> Figure:
    """A figure of the whole tables, which no test changes."""
    return drawn(name, WHOLE)


def drawn(name: str, tables: Tables) -> Figure:
    figure = FIGURES[name](tables)
    assert figure is not None
    return figure


def lines(ax: Axes, label: str | None = None) -> list[Line2D]:
    """The series of a panel: the lines with markers and a table's label."""
    return [
        line
        for line in ax.get_lines()
        if line.get_label() in LABELS
        and line.get_marker() not in ("", "None", "_")
        and label in (None, line.get_label())
    ]


def bar_ends(ax: Axes, label: str) -> list[tuple[float, float]]:
    """The ends of the vertical bars of a label, in order of x."""
    segments = []
    for container in ax.containers:
        if isinstance(container, ErrorbarContainer) and container.get_label() == label:
            for collection in container.lines[2]:
                assert isinstance(collection, LineCollection)
                segments += [(segment[0][0], segment[0][1], segment[1][1]) for segment in collection.get_segments()]
    return [(low, high) for _, low, high in sorted(segments)]


def t_interval(values: pd.Series) -> tuple[float, float]:
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return float(low), float(high)


def texts(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text().split()) for text in figure.texts)


def legend_texts(figure: Figure) -> list[str]:
    return [" ".join(text.get_text().split()) for text in figure.legends[0].get_texts()]
