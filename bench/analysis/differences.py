"""Paired differences between families on shared seeds, with p-values that count how many were looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtr

from bench.analysis.summary import done, interval

SETTING = ("dataset", "augmentation_group", "train_size", "strength", "copies")
#: The largest corrected p-value of a difference that is called one.
SIGNIFICANT = 0.05

COLUMNS = ("score", "label", "other", "mean", "low", "high", "n", "p", "p_holm")


def paired_differences(runs: pd.DataFrame, value: str, setting: Sequence[str] = SETTING) -> pd.DataFrame:
    """Return one row for every setting and pair of labels that share two seeds or more.

    ``mean`` is ``label`` minus ``other``, with its 95 % t-interval over the shared seeds; ``p`` is that of the paired
    t-test, ``p_holm`` the same corrected by Holm's procedure (Holm 1979) over all rows: below 0.05 it is a difference
    even though so many were looked at.
    """
    rows = []
    for key, cells in done(runs).groupby(list(setting), sort=False):
        scores = cells.pivot_table(index="seed", columns="label", values=value, sort=False)
        for label, other in combinations(scores.columns, 2):
            difference = (scores[label] - scores[other]).dropna()
            if len(difference) > 1:
                over_seeds = interval(difference)
                rows.append(
                    (
                        *key,
                        cells["score"].iloc[0],
                        label,
                        other,
                        over_seeds.mean,
                        over_seeds.low,
                        over_seeds.high,
                        over_seeds.n,
                        p_value(difference),
                    )
                )
    table: pd.DataFrame = pd.DataFrame(rows, columns=[*setting, *COLUMNS[:-1]])
    table["p_holm"] = holm(table["p"].to_numpy(float))
    return table


def holm(p: np.ndarray) -> np.ndarray:
    """Return Holm's step-down corrected p-values, in the order of ``p``; a missing one stays so and does not count."""
    corrected = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]  # missing ones are sorted last
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return corrected


def tested_among(p: np.ndarray, corrected: np.ndarray, significant: float) -> list[int]:
    """Return among how many p-values Holm's procedure tested each, so that intervals agree with its answers."""
    order = np.argsort(np.where(np.isnan(p), 1.0, p), kind="stable")
    ranks = {int(place): rank for rank, place in enumerate(order)}
    left = len(p) - int((corrected < significant).sum())
    return [len(p) - ranks[place] if corrected[place] < significant else left for place in range(len(p))]


def p_value(difference: pd.Series) -> float:
    """Return the p-value of the paired t-test of no difference (`p_values`); NaN for fewer than two."""
    return math.nan if len(difference) < 2 else float(p_values(difference.to_numpy(float)))


def p_values(differences: np.ndarray) -> np.ndarray:
    """Return the p-values of paired t-tests of no mean (...,) of differences (..., n), n of 2 or more.

    Where all differences are one and the same there is no noise to test with, and the test is that of their signs:
    2^(1 - n), or 1 where they are zero.
    """
    n = differences.shape[-1]
    mean, deviation = differences.mean(-1), differences.std(-1, ddof=1)
    # means of rounded scores: what differs by less than the last digits is one value
    constant = np.ptp(differences, axis=-1) <= 1e-9 * np.abs(differences).max(-1)
    t = np.abs(mean) / np.where(constant, 1, deviation) * n**0.5
    signs = np.where(mean == 0, 1.0, 2.0 ** (1 - n))
    return np.where(constant, signs, 2 * stdtr(n - 1, -t))
