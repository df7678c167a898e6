"""Where numbers lie along an axis: limits, ticks, and series side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, PercentFormatter

from bench.scores import Score

# the numbers of each decade on an axis of more than so many decades: about three to seven in all
NUMBERS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (2.2, (1,)),
    (1.4, (1, 2, 5)),
    (0.6, (1, 2, 3, 6)),
    (0, (1, 1.5, 2, 3, 4, 6, 8)),
)


def score_axis(axes: Sequence[Axes], points: pd.DataFrame, score: Score) -> None:
    """Show scores between limits that hold every mean and interval: shares as percents, errors on decades."""
    if score.is_share:
        _percents(axes, points)
    else:
        axes[0].set_yscale("log")
        ends = points[["mean", "low", "high"]].to_numpy(float)
        axes[0].set_ylim(float(np.nanmin(ends)) / 1.3, float(np.nanmax(ends)) * 1.3)


def _percents(axes: Sequence[Axes], points: pd.DataFrame) -> None:
    low = float(np.nanmin(points[["mean", "low"]].to_numpy(float)))
    high = float(np.nanmax(points[["mean", "high"]].to_numpy(float)))
    # a span of two points at least, so that a difference of nothing does not look like one
    margin = max(0.06 * (high - low), 0.01 - (high - low) / 2)
    axes[0].set_ylim(low - margin, high + margin)
    axes[0].yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    step = float(np.diff(axes[0].get_yticks()).min())
    axes[0].yaxis.set_major_formatter(
        PercentFormatter(xmax=1, decimals=max(0, math.ceil(-2 - math.log10(step) - 1e-9)))
    )


def time_axis(axes: Sequence[Axes], seconds: Sequence[pd.Series[float]]) -> None:
    """Make the horizontal axes logarithmic in seconds, between limits that hold the positive ones of each panel."""
    for ax, values in zip(axes, seconds, strict=True):
        positive = values[values > 0]
        low, high = math.log10(positive.min()), math.log10(positive.max())
        # at least a factor of 2.5, so that every axis has numbers on it
        margin = max(0.06 * (high - low), (0.4 - (high - low)) / 2)
        decades = high - low + 2 * margin
        subs = next(numbers for least, numbers in NUMBERS if decades > least)
        ax.set_xscale("log")
        ax.set_xlim(10 ** (low - margin), 10 ** (high + margin))
        ax.xaxis.set_major_locator(LogLocator(subs=subs))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter("{x:g}")


def ticks(ax: Axes, positions: Sequence[float], form: str, alone: float) -> None:
    """Give a linear horizontal axis its limits and its numbers at sorted positions."""
    ax.set_xlim(limits(positions, alone))
    ax.set_xticks(readable(positions))
    ax.xaxis.set_major_formatter(form)


def readable(positions: Sequence[float]) -> list[float]:
    """Return the ticks, of sorted positions, that are far enough apart for their numbers; the last one is kept."""
    least = 0.14 * (positions[-1] - positions[0])
    kept = [positions[0]]
    for position in positions[1:]:
        if position - kept[-1] >= least:
            kept.append(position)
    return kept if kept[-1] == positions[-1] else [*kept[:-1], positions[-1]]


def dodges(count: int, positions: Sequence[float], alone: float) -> list[float]:
    """Return the shifts that lay ``count`` series side by side at sorted positions, well apart from the neighbours."""
    room = min(0.4 * _least_gap(positions, alone), 0.08 * (positions[-1] - positions[0]) or math.inf)
    return [(i - (count - 1) / 2) * room / count for i in range(count)]


def limits(positions: Sequence[float], alone: float) -> tuple[float, float]:
    """Return the ends of an axis of sorted positions, with room for shifted series and their markers."""
    margin = 0.09 * (positions[-1] - positions[0]) or alone
    return positions[0] - margin, positions[-1] + margin


def _least_gap(positions: Sequence[float], alone: float) -> float:
    """Return the least distance of sorted positions, or ``alone`` where there is only one."""
    return min((b - a for a, b in pairwise(positions)), default=alone)


def size_axis(ax: Axes, exponents: Sequence[float]) -> None:
    """Make the x axis one of numbers of examples, logarithmic, with those tried (powers of 10) as its ticks."""
    ax.set_xscale("log")
    left, right = limits(exponents, alone=0.3)
    ax.set_xlim(10**left, 10**right)
    ax.set_xticks([10**exponent for exponent in readable(exponents)])
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_locator(NullLocator())
