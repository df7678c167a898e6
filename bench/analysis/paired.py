"""The mean of paired differences over seeds, with an error that knows that test images are a sample too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import gammaincinv, ndtr, stdtr, stdtrit

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
    """A mean over ``n`` seeds, and its variance: by seeds, of which s^2 / n is an estimate, and by test images.

    The variance by test images is known, that by seeds is not, so that the mean is told from zero as Behrens (1929) and
    Fisher (1935) do: it errs by t sqrt(s^2 / n) + z sqrt(v), t of n - 1 degrees of freedom and z normal. Such a test
    errs in fewer cases than it says, whichever variance is the larger. The degrees of freedom of Satterthwaite (1946)
    are those of whichever happens to look larger, and two or three seeds that agree by chance then pass for many: at a
    level of 1 % they err in over 2 % (tests/analysis/test_paired.py). ``is_constant`` tells that all seeds gave one and
    the same difference, which says nothing of their noise.
    """

    mean: float
    by_seeds: float
    by_images: float
    n: int
    is_constant: bool

    @property
    def error(self) -> float:
        """The standard error; NaN where nothing tells of any."""
        variance = self.by_seeds + self.by_images
        return math.sqrt(variance) if variance > 0 else math.nan

    @property
    def p(self) -> float:
        """The two-sided p-value of no difference; of the signs where all are one; NaN below two seeds."""
        if self.n < 2:
            return math.nan
        if self.is_constant:
            return 1.0 if self.mean == 0 else 2.0 ** (1 - self.n)
        return self._beyond(abs(self.mean))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the interval that misses the truth with probability ``level``; NaN where there is none."""
        half = self._half(level) if self.n > 1 else math.nan
        return self.mean - half, self.mean + half

    def _beyond(self, distance: float) -> float:
        """Return the probability of an error of a distance or more, to either side."""
        if self.by_images == 0:
            return float(2 * stdtr(self.n - 1, -distance / self.error))
        scales, weights = _scales(self.n - 1)
        return float(weights @ (2 * ndtr(-distance / np.sqrt(self.by_seeds * scales + self.by_images))))

    def _half(self, level: float) -> float:
        """Return the distance that an error exceeds with a probability."""
        most = float(stdtrit(self.n - 1, 1 - level / 2)) * self.error
        if self.by_images == 0 or math.isnan(most):
            return most
        # the sum of both errors is never wider than t of the sum of both variances
        return float(brentq(lambda distance: self._beyond(distance) - level, 0.0, 1.001 * most, rtol=1e-6))


@cache
def _scales(freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values (K,) of freedom / chi^2, by which a variance is to what it was estimated to be, and their weights.

    Gauss-Legendre in the fourth root of the probability, so that the tail of the large ones is resolved.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    root = (nodes + 1) / 2
    return freedom / (2 * gammaincinv(freedom / 2, root**4)), weights / 2 * 4 * root**3


def paired(differences: np.ndarray, of_images: np.ndarray | None = None) -> Paired:
    """Return the mean of differences (n,), one per seed, each a mean over the same test images.

    Seeds vary by s^2 / n. ``of_images`` (N,) are the differences of single images, averaged over the seeds: their
    variance over N is that of another draw of test images, which all seeds share, so that no number of seeds makes it
    smaller.
    """
    n = len(differences)
    mean = float(differences.mean()) if n else math.nan
    if n < 2:
        return Paired(mean, math.nan, math.nan, n, False)
    # means of rounded scores: what differs by less than the last digits is one value
    is_constant = bool(np.ptp(differences) <= 1e-9 * np.abs(differences).max())
    by_seeds = 0.0 if is_constant else float(differences.var(ddof=1)) / n
    by_images = 0.0
    if of_images is not None:
        count = len(of_images)
        # images on which no answer differed are no proof that none would: as if one in count + 2 had
        by_images = max(float(of_images.var(ddof=1)), 1 / (count + 2)) / count
    return Paired(mean, by_seeds, by_images, n, is_constant)


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
