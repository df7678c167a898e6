"""Networks that train together end as each would alone, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.cell import Budget
from bench.domains.plane import augmentation, image_shape
from bench.execute.batching import together
from bench.groups import Group
from bench.networks.matching import build
from bench.registry import families
from bench.train import UNMOVED, Fit, Moves, Trainee, fit, fit_together
from tests.fakes import make_cell

SHAPE = image_shape(1, 16, 4)
FAMILIES = {
    "cnn": ("cnn", {}),
    "gcnn C4": ("gcnn", {"group": "C4"}),
    "steerable C8": ("steerable", {"group": "C8"}),
    "steerable D4": ("steerable", {"group": "D4"}),
    "steerable gated": ("steerable", {"group": "SO(2)", "fields": "irreps"}),
    "steerable norm": ("steerable", {"group": "SO(2)", "fields": "irreps", "nonlinearity": "norm"}),
    "hnet": ("hnet", {}),
    "et": ("et", {}),
    "e2cnn C8": ("e2cnn", {"group": "C8"}),
}


def trainees(name: str, budget: Budget) -> list[Trainee]:
    """Three cells of one architecture: other seeds, strengths, learning rates and training sets."""
    family, options = FAMILIES[name]
    entry = families[family]
    found = []
    for seed, (strength, lr, count) in enumerate([(0.0, 0.01, 40), (0.5, 0.003, 24), (1.0, 0.02, 16)]):
        network = build(entry, entry.options(channels=(1, 2), pool_after=(1,), **options), SHAPE, 2.0, seed)
        draw = torch.Generator().manual_seed(seed)
        images, labels = torch.rand(count, 1, 16, 16, generator=draw), torch.arange(count) % 4
        moving = augmentation(Group.parse("SO(2)"), strength)
        moves = Moves(
            lambda step, count, seed=seed, moving=moving: moving.draw(count, seed, "a", step),
            moving.move,
        )
        own = budget.model_copy(update={"lr": lr})
        found.append(Trainee(network, images, labels, moves if strength else UNMOVED, own, seed))
    return found


def validate(network: torch.nn.Module) -> tuple[float, float]:
    with torch.no_grad():
        logits = network.eval()(torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(9)))
    return float(logits.mean()), 1.0


def losses(result: Fit) -> list[float]:
    return [row["train_loss"] for row in result.curve]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_networks_that_train_together_end_as_each_would_alone(name: str, optimizer: str) -> None:
    budget = Budget(steps=6, batch_size=8, evaluations=3, optimizer=optimizer, precision="float32")
    alone = [fit(each, validate) for each in trainees(name, budget)]
    them = trainees(name, budget)
    beside = fit_together(them, [validate] * 3)
    for one, other in zip(alone, beside, strict=True):
        assert losses(other) == losses(one)
        assert [row["learning_rate"] for row in other.curve] == [row["learning_rate"] for row in one.curve]
        scores = [[row["validation_score"] for row in result.curve] for result in (one, other)]
        assert scores[1] == scores[0]
    assert len({loss for result in beside for loss in losses(result)}) == 9  # each its own


def test_statistics_and_weights_come_back_to_each_network() -> None:
    budget = Budget(steps=4, batch_size=8, evaluations=2, precision="float32")
    alone, them = trainees("steerable C8", budget), trainees("steerable C8", budget)
    for each in alone:
        fit(each, validate)
    fit_together(them, [validate] * 3)
    for one, other in zip(alone, them, strict=True):
        expected = one.network.state_dict()
        for key, value in other.network.state_dict().items():
            assert torch.equal(value, expected[key]), key


def test_one_that_diverges_leaves_the_others_alone() -> None:
    budget = Budget(steps=6, batch_size=8, evaluations=3, precision="float32")
    well, broken, also_well = trainees("cnn", budget)

    def poison(images: Tensor, labels: Tensor, by: Tensor) -> tuple[Tensor, Tensor]:
        return images * by, labels

    broken = replace(
        broken, moves=Moves(lambda step, count: (torch.tensor(float("nan") if step == 2 else 1.0),), poison)
    )
    results = fit_together([well, broken, also_well], [validate] * 3)
    assert [result.diverged_at for result in results] == [None, 3, None]
    assert [len(result.curve) for result in results] == [3, 1, 3]


def test_the_best_checkpoint_is_each_networks_own() -> None:
    budget = Budget(steps=4, batch_size=8, evaluations=2, checkpoint="best", precision="float32")
    them = trainees("cnn", budget)[:2]
    scores = [iter([(0.9, 1.0), (0.1, 1.0)]), iter([(0.1, 1.0), (0.9, 1.0)])]
    kept: list[list[dict[str, Tensor]]] = [[], []]

    def validates(place: int):
        def validate(network: torch.nn.Module) -> tuple[float, float]:
            kept[place].append({key: value.clone() for key, value in network.state_dict().items()})
            return next(scores[place])

        return validate

    fit_together(them, [validates(0), validates(1)])
    for place, best in ((0, 0), (1, 1)):
        for key, value in them[place].network.state_dict().items():
            assert torch.equal(value, kept[place][best][key]), key


def test_steps_that_differ_are_refused() -> None:
    one, other = trainees("cnn", Budget(steps=4, batch_size=8))[:2]
    with pytest.raises(ValueError, match="train together"):
        fit_together([one, replace(other, budget=Budget(steps=5, batch_size=8))], [validate] * 2)


def test_cells_are_grouped_by_what_a_step_has_in_common() -> None:
    cells = [
        make_cell(seed, strength=strength, budget=Budget(steps=10, lr=lr, batch_size=size), family=family)
        for family in ("cnn", "gcnn")
        for size in (8, 16)
        for seed, strength, lr in [(0, 0.0, 0.1), (1, 0.0, 0.1), (0, 1.0, 0.2)]
    ]
    groups = together(cells, 2)
    assert [len(group) for group in groups] == [2, 1] * 4
    assert {cell.cell_id for group in groups for cell in group} == {cell.cell_id for cell in cells}
    assert all(len({(cell.family, cell.budget.batch_size) for cell in group}) == 1 for group in groups)
    assert together(cells, 1) == [(cell,) for cell in cells]


def test_epochs_keep_training_sets_apart_and_steps_do_not() -> None:
    in_epochs = [make_cell(train_size=size, budget=Budget(epochs=1)) for size in (100, 1000)]
    in_steps = [make_cell(train_size=size, budget=Budget(steps=9)) for size in (100, 1000)]
    assert [len(group) for group in together(in_epochs, 8)] == [1, 1]
    assert [len(group) for group in together(in_steps, 8)] == [2]
