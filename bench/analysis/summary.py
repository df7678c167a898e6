"""Means over seeds with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean of ``n`` values and the ends of the 95 % t-interval of that mean, NaN where there is none."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Iterable[float]) -> Interval:
    """Return the mean of the values that are not missing, with mean -+ t s / sqrt(n), s the sample deviation (n - 1).

    Two values give the widest interval that there is (t = 12.7); one gives a mean without an interval, none gives NaN.
    """
    present = [float(value) for value in values if not pd.isna(value)]
    n = len(present)
    mean = math.fsum(present) / n if n else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in present) / (n - 1))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def done(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the cells that were trained and measured to the end."""
    return runs if runs.empty else runs.loc[runs["status"] == "done"]


def summarise(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return one row for every group that has a value: the columns ``by``, then ``mean``, ``low``, ``high``, ``n``.

    A group that lacks a seed has the mean and the interval of those it has, and says so by its n.
    """
    rows = []
    if not frame.empty:
        for key, values in frame.dropna(subset=[value]).groupby(list(by))[value]:
            found = interval(values)
            rows.append((*key, found.mean, found.low, found.high, found.n))
    summary: pd.DataFrame = pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "n"])
    return summary
