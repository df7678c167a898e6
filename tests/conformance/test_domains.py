"""What every domain, its groups, tasks and data sets keep: a new one is tested by being registered."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.data.dataset import Dataset, training_set
from bench.errors import UserError
from bench.execute.data import load_data
from bench.geometry import Domain, Shape, domain, domain_names, on_support
from bench.registry import DataEntry, datasets
from bench.scores import SCORES
from bench.tasks import TASKS

OWN = [entry for entry in datasets if entry.comes_along]
each_dataset = pytest.mark.parametrize("entry", OWN, ids=[entry.name for entry in OWN])
each_domain = pytest.mark.parametrize("name", domain_names())


#: Options that say how many examples a data set makes, and few.
FEWER = {"train": 120, "test": 60, "copies": 1}


def asks(entry: DataEntry, name: str) -> bool:
    field = entry.options.model_fields.get(name)
    return field is not None and field.annotation is int


def small(entry: DataEntry) -> dict[str, Any]:
    """The options of a data set as it comes, of fewer examples where it makes as many as it is asked for."""
    fewer = {name: number for name, number in FEWER.items() if asks(entry, name)}
    return entry.options(**fewer).model_dump()


def data_of(entry: DataEntry) -> Dataset:
    return load_data(entry.name, small(entry))


def example(name: str) -> tuple[Domain, Shape, Tensor, Tensor]:
    """A domain with inputs and targets of the first data set that comes with the installation."""
    data = data_of(next(entry for entry in OWN if entry.domain == name))
    return domain(name), data.shape, data.train.inputs[:12].float(), data.train.targets[:12]


def still(of: Domain, shape: Shape, inputs: Tensor) -> Tensor:
    """Inputs as a network sees them, of examples as they are stored."""
    return of.augmentation(shape, of.default_group, 0.0, of.resamplings[0], of.crops[0]).inputs.still(inputs)


@each_domain
def test_a_group_reads_as_it_prints_and_an_unknown_one_names_the_known(name: str) -> None:
    of = domain(name)
    group = of.group(of.default_group)
    assert str(of.group(str(group))) == str(group)
    assert str(of.group(str(group.on_grid))) == str(group.on_grid)
    with pytest.raises(UserError, match="known"):
        of.group("no such group")


@each_domain
def test_strength_zero_moves_nothing_and_draws_are_of_the_seed(name: str) -> None:
    of, shape, inputs, targets = example(name)

    def moved(strength: float, seed: int) -> Tensor:
        moving = of.augmentation(shape, of.default_group, strength, of.resamplings[0], of.crops[0])
        prepared = moving.prepare(inputs)
        found, kept = moving.move(prepared, targets, *moving.draw(len(inputs), seed, "test"))
        assert len(kept) == len(targets)
        assert found.shape == (len(inputs), shape.channels, *shape.points)
        return found

    torch.testing.assert_close(
        moved(0.0, 0), still(of, shape, inputs), rtol=1e-4, atol=1e-5 * float(inputs.abs().max())
    )
    assert torch.equal(moved(1.0, 1), moved(1.0, 1))
    assert not torch.equal(moved(1.0, 1), moved(1.0, 2))


@each_domain
def test_the_law_of_inputs_is_an_action(name: str) -> None:
    """At elements that take points to points: the inverse leads back, for inputs on their support."""
    of, shape, inputs, _ = example(name)
    law, group = of.law(shape, of.resamplings[0]), of.group(of.default_group)
    given = still(of, shape, inputs)
    seen = law.act(on_support(given, law), group.probes({"rotation": (0.0,), "boost": (0.0,)})[0])
    kept = of.group(str(group.on_grid)) if not group.keeps_grid else group
    for g in kept.probes({"rotation": (90.0,), "boost": (0.5,)}):
        there = law.act(seen, g)
        assert not torch.equal(there, seen)
        torch.testing.assert_close(law.act(there, ~g), seen, rtol=1e-4, atol=1e-5 * float(inputs.abs().max()))
        assert isinstance(g.magnitude, float)
        assert g.kind
        assert g.unit


@each_dataset
def test_a_data_set_keeps_what_its_task_and_its_domain_ask(entry: DataEntry) -> None:
    data = data_of(entry)
    shape, task = data.shape, TASKS[entry.task]
    assert (shape.domain, shape.task) == (entry.domain, entry.task)
    for split in (data.train, data.validation, data.test):
        assert split.inputs.shape[1:] == shape.stored
        task.check(split.targets, shape.outputs)
        assert len(split.inputs) == len(split.targets)
    assert load_data(entry.name, small(entry)).revision == data.revision
    one, again, other = (training_set(data, 100, seed) for seed in (0, 0, 1))
    assert torch.equal(one.inputs, again.inputs)
    assert not torch.equal(one.inputs, other.inputs)


@pytest.mark.parametrize("name", sorted({entry.task for entry in OWN}))
def test_a_task_scores_the_truth_best_and_tallies_add(name: str) -> None:
    task = TASKS[name]
    data = data_of(next(entry for entry in OWN if entry.task == name))
    targets = data.test.targets[:64]
    points = targets.shape[1:] if not targets.is_floating_point() else ()
    outputs = torch.randn(64, data.shape.outputs, *points, generator=torch.Generator().manual_seed(0))
    score = SCORES[task.score]
    whole = task.tally(outputs, targets)
    parts = task.tally(outputs[:20], targets[:20]) + task.tally(outputs[20:], targets[20:])
    torch.testing.assert_close(whole, parts)
    each = task.loss(outputs, targets, "none")
    torch.testing.assert_close(each.mean(), task.loss(outputs, targets, "mean"))
    best = targets
    if not targets.is_floating_point():
        best = torch.nn.functional.one_hot(targets.long(), data.shape.outputs).float().movedim(-1, 1)
    values = [task.value(task.tally(answer, targets)) for answer in (best, outputs)]
    assert float(score.scaled(values[0] or 1e-9)) > float(score.scaled(values[1]))
    agreed = task.agree(outputs, outputs)
    assert agreed is None or bool(agreed.all())
