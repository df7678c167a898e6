"""Means of paired differences whose test images are a sample too: what they err in, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri, stdtr, stdtrit

from bench.analysis.paired import Paired, paired

levels = st.floats(1e-4, 0.2)
variances = st.floats(1e-6, 1e6)


def drawn(rng: np.random.Generator, seeds: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return differences without a mean, one per seed, and those of 200 test images that all seeds share.

    ``ratio`` is by how much the mean varies more through seeds than through test images.
    """
    of_images = rng.normal(0, 200**0.5, 200)
    return rng.normal(0, (ratio * seeds) ** 0.5, seeds) + of_images.mean(), of_images


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("ratio", [0.3, 3.0])
def test_seeds_that_agree_by_chance_do_not_pass_for_many(seeds: int, ratio: float) -> None:
    """No level is exceeded though seeds are few; by the degrees of freedom of Satterthwaite, the control, it is."""
    rng, trials = np.random.default_rng(seeds), 6000
    wrong, control = {0.05: 0, 0.01: 0}, 0
    for _ in range(trials):
        differences, of_images = drawn(rng, seeds, ratio)
        ours = paired(differences, of_images)
        for level in wrong:
            wrong[level] += ours.p < level
        of_seeds, known = differences.var(ddof=1) / seeds, of_images.var(ddof=1) / 200
        freedom = (of_seeds + known) ** 2 / (of_seeds**2 / (seeds - 1) + known**2 / 199)
        control += 2 * stdtr(freedom, -abs(ours.mean) / ours.error) < 0.01
    for level, count in wrong.items():
        assert count / trials <= level + 3 * (level * (1 - level) / trials) ** 0.5
    assert control / trials > 0.02 or ratio < 1 or seeds > 3


def test_test_images_widen_an_interval_and_seeds_alone_do_not_know_of_them() -> None:
    rng = np.random.default_rng(4)
    held = {True: 0, False: 0}
    for _ in range(2000):
        differences, of_images = drawn(rng, 12, 0.5)
        for knows in held:
            low, high = paired(differences, of_images if knows else None).interval(0.05)
            held[knows] += low <= 0 <= high
    assert held[True] / 2000 > 0.94
    assert held[False] / 2000 < 0.85


@given(st.integers(2, 12), levels)
def test_of_seeds_alone_it_is_students_and_of_images_alone_normal(n: int, level: float) -> None:
    _, seeds = Paired(0.0, 1.0, 1e-12, n, False).interval(level)
    assert seeds == pytest.approx(float(stdtrit(n - 1, 1 - level / 2)), rel=1e-4)
    _, images = Paired(0.0, 1e-14, 1.0, n, False).interval(level)
    assert images == pytest.approx(-float(ndtri(level / 2)), rel=1e-3)


@given(st.integers(2, 12), variances, variances, levels)
def test_it_lies_between_a_normal_and_students_of_both_variances(
    n: int, seeds: float, images: float, level: float
) -> None:
    row = Paired(0.0, seeds, images, n, False)
    low, high = row.interval(level)
    assert low == -high
    assert high <= 1.0001 * float(stdtrit(n - 1, 1 - level / 2)) * row.error
    assert high >= 0.9999 * -float(ndtri(level / 2)) * row.error
    assert Paired(high, seeds, images, n, False).p == pytest.approx(level, rel=1e-3)


def test_one_seed_says_nothing_of_its_error() -> None:
    row = paired(np.array([0.1]), np.array([0.0, 1.0]))
    assert math.isnan(row.p)
    assert all(math.isnan(end) for end in row.interval(0.05))
