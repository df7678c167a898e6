"""The mean of paired differences over seeds, with an error that knows that test images are a sample too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from bench.bits import unpack
from bench.scores import reading

#: The columns that tell which answers of a score were right.
RIGHT = {"transformed_score": "transformed_right", "test_score": "test_right"}


@dataclass(frozen=True)
class Scored:
    """The score of one cell on the scale of `Score.scaled`, and which test images (N,) were right, where it tells."""

    score: float
    right: np.ndarray | None


@dataclass(frozen=True)
class Paired:
    """A mean over ``n`` seeds, its standard error, and the degrees of freedom of the t-distribution that it follows.

    ``is_constant`` tells that all seeds gave one and the same difference, which says nothing of their noise.
    """

    mean: float
    error: float
    freedom: float
    n: int
    is_constant: bool

    @property
    def p(self) -> float:
        """The two-sided p-value of no difference: of t, or of the signs where all are one; NaN below two seeds."""
        if self.n < 2:
            return math.nan
        if self.is_constant:
            return 1.0 if self.mean == 0 else 2.0 ** (1 - self.n)
        return float(2 * stdtr(self.freedom, -abs(self.mean) / self.error))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the interval that misses the truth with probability ``level``; NaN where there is none."""
        half = float(stdtrit(self.freedom, 1 - level / 2)) * self.error if self.n > 1 else math.nan
        return self.mean - half, self.mean + half


def paired(differences: np.ndarray, of_images: np.ndarray | None = None) -> Paired:
    """Return the mean of differences (n,), one per seed, each a mean over the same test images.

    Seeds vary by s^2 / n. ``of_images`` (N,) are the differences of single images, averaged over the seeds: their
    variance over N is that of another draw of test images, which all seeds share, so that no number of seeds makes it
    smaller. Both variances add, with the degrees of freedom of Satterthwaite (1946).
    """
    n = len(differences)
    mean = float(differences.mean()) if n else math.nan
    if n < 2:
        return Paired(mean, math.nan, math.nan, n, False)
    # means of rounded scores: what differs by less than the last digits is one value
    is_constant = bool(np.ptp(differences) <= 1e-9 * np.abs(differences).max())
    parts = [(0.0 if is_constant else float(differences.var(ddof=1)) / n, n - 1)]
    if of_images is not None:
        count = len(of_images)
        # images on which no answer differed are no proof that none would: as if one in count + 2 had
        parts.append((max(float(of_images.var(ddof=1)), 1 / (count + 2)) / count, count - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Paired(mean, math.nan, math.nan, n, is_constant)
    freedom = variance**2 / sum(part**2 / each for part, each in parts)
    return Paired(mean, math.sqrt(variance), freedom, n, is_constant)


def tested(cells: pd.DataFrame, value: str) -> dict[int, Scored]:
    """Return what the cells of one setting scored, by seed and in the order of the seeds."""
    return tested_by(cells, [], value).get((), {})


def tested_by(cells: pd.DataFrame, keys: list[str], value: str) -> dict[tuple[Any, ...], dict[int, Scored]]:
    """Return what the cells of every setting, which the columns ``keys`` tell, scored, each as of `tested`."""
    columns = cells[[*keys, "seed", value, RIGHT[value], "test_size", "score"]].sort_values("seed")
    scores: dict[tuple[Any, ...], dict[int, Scored]] = {}
    for *setting, seed, number, right, size, name in columns.itertuples(index=False, name=None):
        read = reading(value, name)
        scores.setdefault(tuple(setting), {})[int(seed)] = Scored(float(read.scaled(number)), _unpacked(right, size))
    return scores


def _unpacked(right: str | float, size: float) -> np.ndarray | None:
    return None if pd.isna(right) else unpack(str(right), int(size))


def difference(mine: dict[int, Scored], theirs: dict[int, Scored], seeds: Sequence[int] | None = None) -> Paired:
    """Return the mean of mine minus theirs over seeds, by default those that both have."""
    shared = [seed for seed in mine if seed in theirs] if seeds is None else list(seeds)
    images = [_of_images(side, shared) for side in (mine, theirs)]
    return paired(
        np.array([mine[seed].score - theirs[seed].score for seed in shared]),
        None if images[0] is None or images[1] is None else images[0] - images[1],
    )


def _of_images(side: dict[int, Scored], seeds: Sequence[int]) -> np.ndarray | None:
    """Return the share of seeds that got each test image (N,) right, None where a cell does not tell."""
    answers = [side[seed].right for seed in seeds]
    known = [each for each in answers if each is not None]
    return np.mean(known, axis=0) if known and len(known) == len(answers) else None
