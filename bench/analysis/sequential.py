"""Tests that may be looked at several times: seeds are added until a comparison is settled, at a controlled error.

A comparison is looked at when it has 3, 5, 8 and 12 seeds. Under no difference, and whatever the noise is, the paired
t-statistics of the looks have one joint distribution (that of normal differences with deviation 1), and with it the
least p-value over the looks; what that distribution gives to a least p-value is a p-value of the whole procedure.
Holm's step-down (1979) over those of several comparisons controls the error of all of them, and a comparison that is
settled frees level for those that are not (Ye, Li, Liu & Yao 2013, group-sequential Holm).

The distribution is simulated once per process, with a fixed seed: 400,000 paths, an error of 2 % of a level of 0.005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtrit

from bench.analysis.differences import SIGNIFICANT, p_values

#: Numbers of seeds at which a comparison is looked at.
LOOKS = (3, 5, 8, 12)

#: The largest difference that is called none, as a share.
MARGIN = 0.02

_PATHS = 400_000


def least_p(differences: np.ndarray, looks: Sequence[int] = LOOKS) -> np.ndarray:
    """Return the least p-value (...,) over the looks that differences (..., n) have come to; NaN before the first."""
    reached = [look for look in looks if look <= differences.shape[-1]]
    if not reached:
        return np.full(differences.shape[:-1], np.nan)
    return np.min([p_values(differences[..., :look]) for look in reached], axis=0)


def sequential_p(p: np.ndarray | float, looks: Sequence[int] = LOOKS) -> np.ndarray:
    """Return the p-value of the whole procedure: how often chance has a least p-value over all looks as small."""
    null = _null(tuple(looks))
    found = np.searchsorted(null, p, side="right") / len(null)
    return np.where(np.isnan(p), np.nan, found)


def critical(level: float, looks: Sequence[int] = LOOKS) -> float:
    """Return the p-value below which a look settles a comparison, so that all looks err with probability ``level``."""
    null = _null(tuple(looks))
    return float(null[int(level * len(null))])


@lru_cache(maxsize=8)
def _null(looks: tuple[int, ...]) -> np.ndarray:
    """Return the least p-values of comparisons without a difference, sorted."""
    draws = np.random.default_rng(0).standard_normal((_PATHS, max(looks)))
    return np.sort(least_p(draws, looks))


@dataclass(frozen=True)
class Estimate:
    """A mean difference with an interval that holds whenever one looks; ``is_equal`` is within the margin for sure."""

    mean: float
    low: float
    high: float
    n: int
    is_equal: bool


def estimate(
    differences: np.ndarray, comparisons: int = 1, looks: Sequence[int] = LOOKS, margin: float = MARGIN
) -> Estimate:
    """Return the mean of differences (n,), with intervals that all hold together at all looks with 95 %.

    ``comparisons`` is how many intervals there are; equality needs the interval of one alone to lie within +-margin.
    """
    n = len(differences)
    if n < 2:
        return Estimate(float(np.mean(differences)) if n else np.nan, np.nan, np.nan, n, is_equal=False)
    mean, error = float(np.mean(differences)), float(np.std(differences, ddof=1)) / n**0.5
    joint, alone = (
        float(stdtrit(n - 1, 1 - critical(SIGNIFICANT / several, looks) / 2)) * error for several in (comparisons, 1)
    )
    is_equal = n in looks and error > 0 and -margin < mean - alone and mean + alone < margin
    return Estimate(mean, mean - joint, mean + joint, n, is_equal)
