"""What a classifier two-sample test says: whether images can be told from moved ones at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from bench.analysis.differences import SIGNIFICANT, holm
from bench.analysis.failures import share_interval


@dataclass(frozen=True)
class TwoSamples:
    """A network learned to tell images from ones moved by elements of ``group`` that permute pixels (``moves``).

    Of ``tested`` images that it never saw, each moved or not by the toss of a coin, it told ``right`` ones. Where the
    images have no orientation, that is binomial with p = 1/2, whatever the network (Lopez-Paz & Oquab 2017).
    """

    group: str
    moves: str
    right: int
    tested: int

    @property
    def accuracy(self) -> float:
        return self.right / self.tested

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval of the accuracy (Clopper & Pearson 1934)."""
        return share_interval(self.right, self.tested)

    @property
    def p(self) -> float:
        """The exact p-value of telling them apart no better than a coin."""
        return float(binomtest(self.right, self.tested, alternative="greater").pvalue)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"a network that learned to tell images from ones moved so ({self.moves}) is right on {self.right:,} of "
            f"{self.tested:,} that it never saw ({100 * self.accuracy:.1f} %, exact 95 % interval {100 * low:.1f} to "
            f"{100 * high:.1f}; chance is 50)"
        )


def seen(tests: Sequence[TwoSamples]) -> set[str]:
    """Return the groups whose moves can be seen, after Holm's correction over the tests."""
    p_holm = holm(np.array([test.p for test in tests]))
    return {test.group for test, p in zip(tests, p_holm, strict=True) if p < SIGNIFICANT}
