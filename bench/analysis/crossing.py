"""Where a curve that is known at a few amounts, and only through seeds, meets a level that is known through seeds too.

The core of every exchange rate: how much x does B need to be as good as A is? Errors are interpolated linearly in
log error against log x, in which a power law, the usual shape of a learning curve, is a straight line (Hestness et al.
2017, arXiv 1712.00409). The interval is that of Fieller: all x at which a paired t-test over the seeds does not tell B
from A. It holds for as few as two seeds, where resampling seeds with replacement would be far too narrow, and it has an
open end where the data do not bound x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import stdtrit

from bench.analysis.summary import LEVEL

Array = NDArray[np.float64]

#: What an error of 0 is taken for where nothing tells the number of test images.
LEAST_ERROR = 1e-4

# the ends of an interval are looked for at so many amounts, and at no fewer between any two that were tried
_POINTS, _LEAST_PER_SEGMENT = 1024, 8


@dataclass(frozen=True)
class Crossing:
    """The amount x at which B is as good as A, with the ends of its 95 % interval.

    ``x`` is inf where B's mean never gets there, 0 where it is there at the smallest amount already; ``low`` is 0 and
    ``high`` inf where the amounts that were tried do not bound it. ``least`` and ``most`` are the ends of what was
    tried, ``n`` the seeds.
    """

    x: float
    low: float
    high: float
    least: float
    most: float
    n: int


def crossing(amounts: Array, errors: Array, level: Array, least_error: float = LEAST_ERROR) -> Crossing:
    """Return where B, with ``errors`` (amounts, seeds) at increasing ``amounts``, is as good as A, ``level`` (seeds,).

    Errors are how far scores are from perfect (`bench.scores.Score.error`), 0 or more; a seed that lacks any of them is
    left out. An error below ``least_error`` is taken for it, of error rates half an image of the test: the log of zero
    says more than any test set can. Raises ValueError for fewer than two amounts, for amounts that do not increase and
    for errors below zero.
    """
    if len(amounts) < 2 or not (np.diff(amounts) > 0).all() or amounts[0] <= 0:
        raise ValueError("a curve needs two or more amounts, positive and increasing")
    whole = np.isfinite(errors).all(0) & np.isfinite(level)
    # > 0 where B is worse than A
    worse = _log(errors[:, whole], least_error) - _log(level[whole], least_error)
    n = int(whole.sum())
    least, most = float(amounts[0]), float(amounts[-1])
    if n == 0:
        return Crossing(np.nan, np.nan, np.nan, least, most, 0)
    low, high = _ends(amounts, worse) if n > 1 else (np.nan, np.nan)
    return Crossing(_point(amounts, worse.mean(1)), low, high, least, most, n)


def _log(errors: Array, least: float) -> Array:
    if errors.size and errors.min() < 0:
        raise ValueError("errors must be 0 or more")
    logarithms: Array = np.log(np.maximum(errors, least))
    return logarithms


def _point(amounts: Array, worse: Array) -> float:
    """Return where the mean, made to fall with the amount, first reaches zero."""
    falling = isotonic_regression(worse, increasing=False).x
    if falling[0] <= 0:
        return 0.0
    if falling[-1] > 0:
        return np.inf
    after = int(np.argmax(falling <= 0))
    share = falling[after - 1] / (falling[after - 1] - falling[after])
    return float(amounts[after - 1] * (amounts[after] / amounts[after - 1]) ** share)


def _ends(amounts: Array, worse: Array) -> tuple[float, float]:
    """Return the least amount at which B is not significantly worse, and the most at which it is not better."""
    n = worse.shape[1]
    segments = len(amounts) - 1
    grid = np.linspace(0, segments, segments * max(_LEAST_PER_SEGMENT, _POINTS // segments) + 1)
    before = np.minimum(grid.astype(int), segments - 1)
    share = grid - before
    between = (1 - share)[:, None] * worse[before] + share[:, None] * worse[before + 1]
    x = amounts[before] * (amounts[before + 1] / amounts[before]) ** share
    half = stdtrit(n - 1, (1 + LEVEL) / 2) * between.std(axis=1, ddof=1) / np.sqrt(n)
    mean = between.mean(1)
    not_worse, not_better = mean - half <= 0, mean + half >= 0
    low = x[np.argmax(not_worse)] if not_worse.any() else x[-1]
    high = x[len(x) - 1 - np.argmax(not_better[::-1])] if not_better.any() else x[0]
    return (0.0 if not_worse[0] else float(low)), (np.inf if not_better[-1] else float(high))
