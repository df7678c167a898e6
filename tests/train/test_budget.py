"""The order of images, the length of a training, and its schedule."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.cell import Budget
from bench.train import batches, evaluation_steps, learning_rate, total_steps


@given(st.integers(3, 50), st.integers(2, 70), st.integers(0, 5))
def test_every_epoch_sees_every_image_once(images: int, batch_size: int, seed: int) -> None:
    epochs = 3
    needed = math.ceil(epochs * images / batch_size)
    seen = torch.cat(list(itertools.islice(batches(images, batch_size, seed), needed)))[: epochs * images]
    for epoch in seen.view(epochs, images):
        assert sorted(epoch.tolist()) == list(range(images))


def test_the_order_is_a_function_of_the_seed() -> None:
    first, again, other = (next(batches(100, 100, seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_epoch_has_an_order_of_its_own() -> None:
    epochs = list(itertools.islice(batches(50, 50, 0), 4))
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 4


def test_a_budget_in_epochs_or_in_steps() -> None:
    assert total_steps(Budget(steps=7), 1000) == 7
    assert total_steps(Budget(epochs=3, batch_size=64), 100) == 5
    with pytest.raises(ValueError, match="exactly one"):
        Budget(steps=7, epochs=3)
    with pytest.raises(ValueError, match="exactly one"):
        Budget()


@given(st.integers(1, 500), st.integers(1, 20))
def test_evaluations_are_spread_and_the_last_step_is_one(total: int, count: int) -> None:
    steps = sorted(evaluation_steps(Budget(steps=total, evaluations=count), total))
    assert steps[-1] == total
    assert len(steps) == min(count, total)
    gaps = [b - a for a, b in itertools.pairwise([0, *steps])]
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "step", "constant"])
def test_schedules_stay_below_the_peak_and_end_low(schedule: str) -> None:
    budget = Budget(steps=100, lr=0.1, schedule=schedule)
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert 0 < min(rates) <= max(rates) <= 0.1 + 1e-12
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert (rates[-1] < 0.01) == (schedule != "constant")


def test_one_cycle_climbs_over_three_tenths_and_falls_as_a_cosine() -> None:
    budget = Budget(steps=100, lr=0.1, schedule="onecycle")
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert rates[:31:15] == pytest.approx([0.004, 0.052, 0.1])
    assert rates[30::35] == pytest.approx([0.1, 0.05])
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


def test_cosine_starts_at_the_peak() -> None:
    budget = Budget(steps=100, lr=0.1, schedule="cosine")
    assert [learning_rate(budget, step, 100) for step in (0, 50)] == pytest.approx([0.1, 0.05])


def test_step_decays_are_where_the_budget_says() -> None:
    budget = Budget(steps=100, lr=1.0, schedule="step", decay_from=0.5, decays=5, decay_factor=0.5)
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert rates[49] == 1.0
    assert rates[50] == 0.5
    assert rates[99] == pytest.approx(0.5**5)
