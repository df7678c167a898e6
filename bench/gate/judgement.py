"""From two sets of ratios to one of three outcomes; pure functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

TOLERANCE = 0.05
"""A change that is never called a slowdown: ratios differ by up to 4 % from one process and hour to the next."""
WIDEST = 0.10
"""Half of the relative width of an interval beyond which a workload counts as not measured."""
_DRAWS = 2000
_CONFIDENCE = 0.98


class Outcome(Enum):
    """What is known about a workload or a counter."""

    FINE = "fine"
    REGRESSED = "regressed"
    UNMEASURED = "could not be measured"


@dataclass(frozen=True)
class Verdict:
    """The change of one workload or counter against its baseline: new over old, with an interval where there is one."""

    name: str
    outcome: Outcome
    change: float
    low: float
    high: float
    reason: str = ""


def compare(name: str, runs: Sequence[np.ndarray], rounds: np.ndarray) -> Verdict:
    """Compare ratios found now with those of the baseline's runs, by a bootstrap of the ratio of their medians.

    Every draw takes one of the baseline's runs, and rounds of it and of this run with replacement: what differs from
    process to process, such as where memory lies, widens the interval as it should. Regressed: the change is above
    `TOLERANCE`, and no change is outside its interval. Not measured: it is so wide that a slowdown of `WIDEST` could
    hide in it.
    """
    draw = np.random.default_rng(0)
    now = _medians(rounds, _DRAWS, draw)
    then = np.concatenate([_medians(run, -(-_DRAWS // len(runs)), draw) for run in runs])[:_DRAWS]
    changes = draw.permutation(now) / then
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(changes, [tail, 1 - tail])
    change = float(np.median(rounds) / np.median([np.median(run) for run in runs]))
    if change > 1 + TOLERANCE and low > 1:
        outcome, reason = Outcome.REGRESSED, ""
    elif (high - low) / 2 > WIDEST:
        outcome, reason = Outcome.UNMEASURED, "the machine is too busy, or the baseline's runs differ too much"
    else:
        outcome, reason = Outcome.FINE, ""
    return Verdict(name, outcome, change, float(low), float(high), reason)


def unmeasured(name: str, reason: str) -> Verdict:
    """Return the verdict on what has no number."""
    return Verdict(name, Outcome.UNMEASURED, math.nan, math.nan, math.nan, reason)


def half_width(ratios: np.ndarray) -> float:
    """Return half of the width of the median's interval, relative to the median."""
    medians = _medians(ratios, 400, np.random.default_rng(0))
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float((high - low) / 2 / np.median(ratios))


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what is known of all: regressed if anything is, unmeasured if something could not be."""
    for outcome in (Outcome.REGRESSED, Outcome.UNMEASURED):
        if outcome in outcomes:
            return outcome
    return Outcome.FINE


def _medians(values: np.ndarray, draws: int, draw: np.random.Generator) -> np.ndarray:
    picked = draw.integers(0, len(values), (draws, len(values)))
    medians: np.ndarray = np.median(values[picked], axis=1)
    return medians
