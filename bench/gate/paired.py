"""From ratios of two revisions, timed in turns in a few pairs of processes, to one of three outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.gate.judgement import TOLERANCE, WIDEST, Outcome, Verdict

PAIRS = 2
"""Pairs of processes in which a workload is timed, and again where there is anything against it."""
OFFSET = 0.015
"""Standard deviation of the logarithm of a ratio from one pair of processes to the next, for equal code: what is
assumed where a few pairs cannot tell; `tests.benchmarks.prove_gate` measures it."""
Z = 2.33
"""Of intervals: 99 % to either side."""


def verdict(name: str, first: Sequence[np.ndarray], again: Sequence[np.ndarray] | None = None) -> Verdict:
    """Judge a workload by the ratios of its pairs of processes, new over old.

    Regressed: slower by more than `TOLERANCE`, beyond its interval, both times. Not measured: an interval in which a
    slowdown of `WIDEST` could hide, of all pairs together.
    """
    change, low, high = interval(first)
    if again is None:
        slower = change > 1 + TOLERANCE and low > 1
    else:
        passes = [interval(first), interval(again)]
        slower = all(middle > 1 + TOLERANCE and lower > 1 for middle, lower, _ in passes)
        change, low, high = interval([*first, *again])
    if slower:
        return Verdict(name, Outcome.REGRESSED, change, low, high)
    if (high - low) / 2 > WIDEST:
        return Verdict(name, Outcome.UNMEASURED, change, low, high, "the machine is too busy")
    return Verdict(name, Outcome.FINE, change, low, high)


def interval(pairs: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Return the geometric mean of the pairs' medians with an interval of `Z` standard errors to either side.

    The error is that of medians within a pair, and that from pair to pair: what they show, no less than `OFFSET`.
    """
    logs = [np.log(ratios) for ratios in pairs]
    medians = np.array([np.median(each) for each in logs])
    within = float(np.mean([median_error(each) ** 2 for each in logs]))
    between = medians.var(ddof=1) - within if len(medians) > 1 else 0.0
    error = math.sqrt((within + max(OFFSET**2, between)) / len(medians))
    middle = float(medians.mean())
    return math.exp(middle), math.exp(middle - Z * error), math.exp(middle + Z * error)


def median_error(values: np.ndarray) -> float:
    """Return the standard error of a median, from the middle half, which a few disturbed rounds do not widen."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(1.25 * (high - low) / 1.35 / math.sqrt(len(values)))
