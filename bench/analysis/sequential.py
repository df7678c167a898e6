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
from functools import lru_cache

import numpy as np

from bench.analysis.differences import p_values
from bench.seeding import LOOKS

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
    share = np.searchsorted(null, p, side="right") / len(null)
    return np.where(np.isnan(p), np.nan, share)


def critical(level: float, looks: Sequence[int] = LOOKS) -> float:
    """Return the p-value below which a look settles a comparison, so that all looks err with probability ``level``."""
    null = _null(tuple(looks))
    return float(null[int(level * len(null))])


@lru_cache(maxsize=32)
def expected_seeds(looks: tuple[int, ...], level: float, comparisons: int) -> float:
    """Return the mean number of seeds of a network that stands in so many comparisons, each tested at a level.

    True differences are supposed to be none, one, two and five times what differences vary by between seeds, a quarter
    each; a network goes on for the longest of its comparisons.
    """
    rng, limit = np.random.default_rng(0), critical(level, looks)
    effects = rng.choice(_EFFECTS, (_EXPECTED, comparisons))
    differences = rng.standard_normal((_EXPECTED, comparisons, max(looks))) + effects[..., None]
    settled = np.full(effects.shape, float(max(looks)))
    for look in reversed(looks[:-1]):
        settled[p_values(differences[..., :look]) < limit] = look
    return float(settled.max(1).mean())


_EFFECTS, _EXPECTED = (0.0, 1.0, 2.0, 5.0), 5_000


@lru_cache(maxsize=8)
def _null(looks: tuple[int, ...]) -> np.ndarray:
    """Return the least p-values of comparisons without a difference, sorted."""
    draws = np.random.default_rng(0).standard_normal((_PATHS, max(looks)))
    return np.sort(least_p(draws, looks))
