"""Looking several times: errors, power, and what the referee's simulations found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from bench.analysis.differences import holm, p_values
from bench.analysis.sequential import critical, least_p, sequential_p
from bench.seeding import LOOKS

PATHS = 20_000


def paths(effect: float, seed: int = 1, count: int = PATHS) -> np.ndarray:
    return np.random.default_rng(seed).normal(effect, 1, (count, max(LOOKS)))


def first_look(differences: np.ndarray, level: float) -> np.ndarray:
    """Return the number of seeds at which each path is settled; infinite where it never is."""
    settled = np.full(len(differences), np.inf)
    for look in reversed(LOOKS):
        settled[p_values(differences[:, :look]) < level] = look
    return settled


def test_p_values_are_those_of_the_t_test() -> None:
    differences = paths(0.3, count=50)
    np.testing.assert_allclose(p_values(differences), ttest_1samp(differences, 0, axis=1).pvalue)


@pytest.mark.parametrize(("value", "n", "p"), [(0.01, 3, 0.25), (-0.01, 5, 0.0625), (0.0, 3, 1.0)])
def test_differences_that_are_all_the_same_are_tested_by_their_signs(value: float, n: int, p: float) -> None:
    """Three seeds of 100 % against 99 % are one coin that fell alike three times."""
    assert p_values(np.full(n, value)) == p


@pytest.mark.parametrize(
    ("level", "constant"),
    [
        (0.05, 0.0158),
        (0.025, 0.0075),
        (0.0167, 0.0049),
        (0.0125, 0.0036),
        (0.01, 0.0029),
        (0.0083, 0.0024),
        (0.005, 0.0014),
    ],
)
def test_the_constants_are_those_of_another_simulation(level: float, constant: float) -> None:
    """Derived here from other random numbers than the referee's, who gives two digits."""
    assert critical(level) == pytest.approx(constant, rel=0.05)


@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize("looks", [LOOKS, (3, 5), (2, 4, 8, 16)])
def test_all_looks_together_err_as_often_as_asked(level: float, looks: tuple[int, ...]) -> None:
    null = np.random.default_rng(7).normal(0, 3, (100_000, max(looks)))
    errors = (least_p(null, looks) < critical(level, looks)).mean()
    assert errors == pytest.approx(level, rel=0.08)
    assert (sequential_p(least_p(null, looks), looks) <= level).mean() == pytest.approx(errors, abs=1e-3)


def test_adding_seeds_until_p_is_small_errs_far_more_often() -> None:
    """The control: the same looks at the usual level."""
    assert (least_p(paths(0)) < 0.05).mean() == pytest.approx(0.14, abs=0.02)


@pytest.mark.parametrize(("effect", "power", "seeds"), [(0, 0.051, 11.7), (1, 0.76, 9.3), (2, 1.0, 5.7), (5, 1.0, 3.6)])
def test_power_and_the_saving_against_twelve_seeds(effect: float, power: float, seeds: float) -> None:
    settled = first_look(paths(effect), critical(0.05))
    assert np.isfinite(settled).mean() == pytest.approx(power, abs=0.02)
    assert np.minimum(settled, max(LOOKS)).mean() == pytest.approx(seeds, abs=0.2)


def test_step_down_over_comparisons_controls_the_error_of_all() -> None:
    """Five of six comparisons without a difference, one with a large one: a wrong call in at most 5 of 100 matrices."""
    rng = np.random.default_rng(3)
    wrong = found = 0
    for _ in range(2000):
        differences = rng.normal(0, 1, (6, max(LOOKS)))
        differences[0] += 4
        corrected = holm(sequential_p(least_p(differences)))
        found += corrected[0] < 0.05
        wrong += (corrected[1:] < 0.05).any()
    assert wrong / 2000 < 0.06
    assert found / 2000 > 0.99


def test_fewer_seeds_than_the_first_look_say_nothing() -> None:
    assert np.isnan(least_p(np.array([0.5, 0.6])))
    assert np.isnan(sequential_p(least_p(np.array([0.5, 0.6]))))
