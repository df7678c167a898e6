"""From ratios of two revisions, timed in turns in a few pairs of processes, to one of three outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.gate.judgement import TOLERANCE, Outcome, Verdict

PAIRS = 2
"""Pairs of processes in which a workload is timed, and again where there is anything against it."""
OFFSET = 0.015
"""Standard deviation of the logarithm of a ratio from one pair of processes to the next, for equal code: what is
assumed where a few pairs cannot tell."""
WIDEST = 0.055
"""Half of an interval that is narrow enough: through it, 39 times of 40, what is 10 % slower is seen to be slower."""
Z = 2.33
"""Of intervals: 99 % to either side."""


def verdict(name: str, first: Sequence[np.ndarray], again: Sequence[np.ndarray] | None = None) -> Verdict:
    """Judge a workload by the ratios of its pairs of processes, new over old, and of fresh ones if it was in doubt.

    Regressed: slower by more than `TOLERANCE`, beyond the interval, both times. Not measured: an interval, of all pairs
    together, that a slowdown of 10 % would not reliably be seen through.
    """
    passes = [first, again] if again is not None else [first]
    change, low, high = interval([pair for each in passes for pair in each])
    if all(_is_slower(*interval(each)) for each in passes):
        return Verdict(name, Outcome.REGRESSED, change, low, high)
    if _is_slower(change, low, high) or (high - low) / 2 > WIDEST:
        return Verdict(name, Outcome.UNMEASURED, change, low, high, "the machine is too busy")
    return Verdict(name, Outcome.FINE, change, low, high)


def _is_slower(change: float, low: float, high: float) -> bool:
    return change > 1 + TOLERANCE and low > 1


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
