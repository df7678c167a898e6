from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.augment import Augmentation, expand
from bench.cell import Budget
from bench.groups import Group
from bench.train import batches, evaluation_steps, fit, learning_rate, total_steps


def plain(images: Tensor, step: int) -> Tensor:
    return images


def blobs(count: int = 64) -> tuple[Tensor, Tensor]:
    """Two classes that a linear map tells apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    images = torch.randn(count, 1, 16, 16, generator=generator) + labels.view(-1, 1, 1, 1).float()
    return images, labels


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))


@given(st.integers(3, 50), st.integers(2, 70), st.integers(0, 5))
@settings(deadline=None)
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


def test_step_decays_are_where_the_budget_says() -> None:
    budget = Budget(steps=100, lr=1.0, schedule="step", decay_from=0.5, decays=5, decay_factor=0.5)
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert rates[49] == 1.0
    assert rates[50] == 0.5
    assert rates[99] == pytest.approx(0.5**5)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_learns_and_repeats_bit_for_bit(optimizer: str, precision: str) -> None:
    images, labels = blobs()
    budget = Budget(steps=30, batch_size=16, lr=0.01, optimizer=optimizer, precision=precision, evaluations=3)
    fits, states = [], []
    for noise in (0, 1):
        model = network()
        torch.manual_seed(noise)  # what else the process drew must not matter
        fits.append(fit(model, images, labels, plain, lambda m: (0.0, 0.0), budget, seed=5))
        states.append(model.state_dict())
    losses = [[row["train_loss"] for row in result.curve] for result in fits]
    assert losses[0] == losses[1]
    assert losses[0][-1] < 0.5 * losses[0][0]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert [row["step"] for row in fits[0].curve] == [10, 20, 30]


def test_divergence_ends_the_training_and_names_the_step() -> None:
    images, labels = blobs()

    def poison(batch: Tensor, step: int) -> Tensor:
        return batch * math.nan if step == 6 else batch

    budget = Budget(steps=30, batch_size=16, evaluations=10)
    result = fit(network(), images, labels, poison, lambda m: (0.0, 0.0), budget, seed=0)
    assert result.diverged_at == 7
    assert result.steps == 9  # found at the next evaluation
    assert [row["step"] for row in result.curve] == [3, 6]


def test_the_best_checkpoint_is_the_one_with_the_highest_validation_accuracy() -> None:
    images, labels = blobs()
    accuracies = iter([0.2, 0.9, 0.5])
    snapshots = []

    def validate(model: nn.Module) -> tuple[float, float]:
        snapshots.append({key: value.clone() for key, value in model.state_dict().items()})
        return next(accuracies), 0.0

    for checkpoint, position in (("best", 1), ("last", 2)):
        snapshots.clear()
        accuracies = iter([0.2, 0.9, 0.5])
        model = network()
        budget = Budget(steps=9, batch_size=16, evaluations=3, checkpoint=checkpoint)
        fit(model, images, labels, plain, validate, budget, seed=0)
        kept = model.state_dict()
        assert all(torch.equal(kept[key], snapshots[position][key]) for key in kept)


# augmentation


def test_strength_zero_is_no_augmentation_at_all() -> None:
    images, _ = blobs(4)
    assert Augmentation(Group.parse("O(2)"), 0.0)(images, 0, "augmentation") is images


def test_every_image_gets_an_element_of_its_own_and_every_step_new_ones() -> None:
    one = torch.rand(1, 1, 16, 16).expand(32, 1, 16, 16)
    augmentation = Augmentation(Group.parse("SO(2)"), 1.0)
    moved = augmentation(one, 0, "augmentation", 3)
    assert len(torch.unique(moved.flatten(1), dim=0)) == 32
    assert torch.equal(moved, augmentation(one, 0, "augmentation", 3))
    assert not torch.equal(moved, augmentation(one, 0, "augmentation", 4))
    assert not torch.equal(moved, augmentation(one, 1, "augmentation", 3))


def test_copies_expand_the_training_set_once() -> None:
    images, labels = blobs(10)
    many, their_labels = expand(images, labels, Augmentation(Group.parse("C4"), 1.0), 3, seed=0)
    assert many.shape == (30, 1, 16, 16)
    assert torch.equal(their_labels, labels.repeat(3))
    orbits = torch.stack([torch.rot90(images, k, (2, 3)) for k in range(4)])
    for i, image in enumerate(many):
        assert (orbits[:, i % 10] == image).flatten(1).all(1).any()
