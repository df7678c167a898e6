"""Which of several means may be the largest, at one error for all of them (Tukey 1953, the studentised range).

Hsu's comparisons with the best (1984) have a smaller allowance, and keep *a* best mean with 95 %; but of six equal ones
they leave some out in a fifth of all tables, which a reader takes for a difference (tests/analysis/test_best.py).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.stats import studentized_range

from bench.analysis.summary import LEVEL

#: Fewer seeds than this say too little of the noise to call anything best.
LEAST = 3


def may_be_best(scores: np.ndarray) -> np.ndarray:
    """Return which columns (k,) of scores (seeds, k) are not told apart from the best; none for fewer than three seeds.

    A column stays unless its mean lies below the best by more than q s / sqrt(n), with s the residual deviation of the
    table after the means of columns and of seeds (which are shared) and q the critical value of the studentised range
    of k means with (k - 1)(n - 1) degrees of freedom. Of equal ones all stay with 95 %, however many there are. One
    variance is assumed for all.
    """
    seeds, count = scores.shape
    if seeds < LEAST:
        return np.zeros(count, dtype=bool)
    means = scores.mean(0)
    if count == 1:
        return np.ones(1, dtype=bool)
    freedom = (count - 1) * (seeds - 1)
    residual = scores - means - scores.mean(1, keepdims=True) + scores.mean()
    allowance = _critical(count, freedom) * math.sqrt((residual**2).sum() / freedom / seeds)
    kept: np.ndarray = means >= means.max() - allowance
    return kept


@lru_cache(maxsize=256)
def _critical(means: int, freedom: int) -> float:
    return float(studentized_range.ppf(LEVEL, means, freedom))
