"""A cell: its scores, and what the seed, the subset and the augmentation are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.cell import Budget
from bench.data.dataset import Dataset, training_set
from bench.domains.plane import ImageMotion, augmentation, cropped
from bench.execute.data import load_data
from bench.execute.job import run_cell
from bench.groups import Group
from bench.seeds import generator
from bench.suite import measure
from tests.execute.toys import TEST, VALIDATION, Spy, done, scores, toy

pytestmark = pytest.mark.usefixtures("toys")


def test_scores_are_those_of_the_trained_network_on_test_images_upright_and_moved_by_the_whole_group(spy: Spy) -> None:
    cell = toy(
        {"wrong_test": 10},
        strength=0.1,
        measure=measure({"equivariance": None, "calibration": None, "transforms": 3, "test_images": 40}),
    )
    run = done(cell).run
    data = load_data("toy", {"wrong_test": 10})
    images, labels = data.test.inputs[:40].float() / data.rms, data.test.targets[:40]
    upright = cropped(images, "disc")
    assert (run["test_score"], run["test_loss"]) == pytest.approx(scores(spy.network, upright, labels))
    assert (run["test_size"], run["chance_score"]) == (40, float(labels.bincount().max()) / 40)
    whole = augmentation(Group.parse("SO(2)"), 1.0, crop="disc")
    moved = torch.cat([whole(images, 0, "evaluation", draw) for draw in range(3)])
    expected = scores(spy.network, moved, labels.repeat(3))
    assert (run["transformed_score"], run["transformed_loss"]) == pytest.approx(expected)
    assert run["transformed_score"] < run["test_score"] - 0.1
    assert run["test_score"] <= 0.8


@pytest.mark.parametrize("group", ["SO(2)", "D8", "D4", "D1"])
def test_controls_are_scores_on_inputs_moved_exactly_and_on_inputs_resampled_but_not_moved(
    spy: Spy, group: str
) -> None:
    parsed = Group.parse(group)
    crop = "none" if parsed.keeps_grid else "disc"
    run = done(toy({"wrong_test": 10}, augmentation_group=group, crop=crop)).run
    data = load_data("toy", {"wrong_test": 10})
    images, labels = data.test.inputs.float() * (1 / data.rms), data.test.targets
    exact = augmentation(parsed.on_grid, 1.0, crop=crop)(images, 0, "evaluation", 0)
    assert run["exact_score"] == pytest.approx(scores(spy.network, exact, labels)[0])
    if parsed.keeps_grid:
        assert run["exact_score"] == run["transformed_score"]
        assert run["resampled_score"] == run["test_score"]
    else:
        resampled = ImageMotion(Group(None), "spline", "disc").resampled(images, generator(0, "control"))
        assert run["resampled_score"] == pytest.approx(scores(spy.network, resampled, labels)[0])


def test_a_group_without_exact_elements_has_no_exact_control() -> None:
    assert done(toy(augmentation_group="C3")).run["exact_score"] is None


def test_validation_and_test_images_do_not_meet(spy: Spy) -> None:
    clean = done(toy())
    wrong_test, wrong_validation = done(toy({"wrong_test": 20})), done(toy({"wrong_validation": 15}))
    validated = [[row["validation_score"] for row in r.curves] for r in (clean, wrong_test, wrong_validation)]
    assert validated[0] == validated[1] != validated[2]
    assert clean.run["validation_score"] == wrong_test.run["validation_score"] == validated[0][-1]
    assert clean.run["test_score"] == wrong_validation.run["test_score"] == 1
    assert wrong_test.run["test_score"] == pytest.approx(1 - 20 / TEST)
    assert wrong_validation.run["validation_score"] == pytest.approx(1 - 15 / VALIDATION)


def test_validation_images_are_moved_as_in_training(spy: Spy) -> None:
    upright, moved = done(toy()), done(toy(strength=1.0))
    assert upright.run["validation_score"] == 1
    assert moved.run["validation_score"] < 1


def test_transformed_validation_is_the_same_for_every_strength(spy: Spy) -> None:
    whole = augmentation(Group.parse("SO(2)"), 1.0, crop="disc")
    data = load_data("toy", {})
    images, labels = data.validation.inputs.float() / data.rms, data.validation.targets
    for strength in (0.0, 0.3, 1.0):
        record = done(toy(strength=strength))
        expected = scores(spy.network, whole(images, 0, "evaluation", 0), labels)[0]
        assert record.run["transformed_validation_score"] == pytest.approx(expected)
        upright = scores(spy.network, cropped(images, "disc"), labels)[0]
        assert record.run["upright_validation_score"] == pytest.approx(upright)
        assert record.curves[-1]["transformed_validation_score"] == pytest.approx(expected)


def test_a_seed_draws_its_own_weights_and_its_own_images(spy: Spy) -> None:
    found = []
    for seed in (0, 0, 1):
        done(toy(seed=seed))
        found.append((spy.initial["stages.output.weight"], spy.inputs))
    assert all(torch.equal(first, again) for first, again in zip(found[0], found[1], strict=True))
    assert not any(torch.equal(first, other) for first, other in zip(found[0], found[2], strict=True))
    assert spy.inputs.shape == (30, 1, 16, 16)
    pool = load_data("toy", {}).train.inputs.float()
    assert float((pool / load_data("toy", {}).rms).square().mean()) == pytest.approx(1)


def subset(data: Dataset) -> Tensor:
    return training_set(data, 30, 0).inputs.float() * (1 / data.rms)


def test_augmentation_is_online_and_copies_are_made_once_before(spy: Spy) -> None:
    done(toy())
    upright = spy.inputs
    done(toy(strength=1.0))
    online, batch = spy.inputs, spy.inputs[:8]
    moving = augmentation(Group.parse("SO(2)"), 1.0, crop="disc")
    data = load_data("toy", {})
    assert torch.equal(upright, cropped(subset(data), "disc"))
    assert torch.equal(online, moving.prepare(subset(data)))
    drawn = moving.draw(8, 0, "augmentation", 5)
    assert torch.equal(spy.augment(batch, 5), moving.move(batch, spy.targets[:8], *drawn)[0])
    assert not torch.equal(spy.augment(batch, 5), batch)
    done(toy(strength=1.0, copies=3))
    assert spy.inputs.shape[0] == 3 * len(online) == len(spy.targets)
    assert not any(torch.equal(copy, online) for copy in spy.inputs.split(len(online)))
    assert torch.equal(spy.augment(batch, 5), batch)


def test_copies_change_the_images_and_not_the_number_of_steps() -> None:
    budget = Budget(epochs=2, batch_size=10)
    steps = [
        run_cell(toy(strength=1.0, copies=copies, budget=budget), "cpu", "exclusive").run["steps"] for copies in (0, 3)
    ]
    assert steps == [6, 6]
