"""What every registered family keeps, in every kind of its layers and its own domain: a new one is tested too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from bench.cell import Cell
from bench.doctor.subjects import labels, network_and_inputs, subjects, trainee
from bench.domains.plane.models.planar import SMALLEST_IMAGE
from bench.execute.data import load_data
from bench.execute.inputs import all_moves
from bench.geometry import domain
from bench.measure import equivariance_error
from bench.networks.export import export
from bench.networks.network import Network
from bench.registry import families
from bench.tasks import TASKS
from bench.train.step import Step

CPU = torch.device("cpu")
each_network = pytest.mark.parametrize("label", labels())


def sized(label: str, larger: int) -> Cell:
    """The cell of a label, or that of its smallest input but so many points more."""
    cell = subjects()[label]
    if not larger:
        return cell
    options = {**cell.dataset_options, "size": families[cell.family].least + larger}
    revision = load_data(cell.dataset, options).revision
    return replace(cell, dataset_options=options, data_revision=revision, architecture=None)


@cache
def made(label: str, larger: int = 0) -> tuple[Network, Tensor]:
    """A network that has taken a few steps, so that no statistic is the first, and inputs of its test: to be read."""
    cell = sized(label, larger)
    network, inputs = network_and_inputs(cell, CPU)
    one = trainee(cell, CPU, steps=3)
    step = Step([replace(one, network=network)], 3)
    step.load(0)
    for _ in range(3):
        step()
    return network.eval(), inputs.upright[0][:16]


def test_every_family_is_there_in_every_kind() -> None:
    assert list(subjects()) == list(labels())
    found = [cell.family for cell in subjects().values()]
    assert {family.name: found.count(family.name) for family in families} == {
        family.name: len(family.kinds) for family in families
    }


@each_network
def test_outputs_are_those_of_the_task_and_every_stage_has_a_law(label: str) -> None:
    cell = subjects()[label]
    network, inputs = made(label)
    shape = load_data(cell.dataset, cell.dataset_options).shape
    with torch.no_grad():
        stages = dict(network.trace(inputs))
        assert torch.equal(stages["output"], network(inputs))
    assert stages["output"].shape[:2] == (len(inputs), shape.outputs)
    assert all(features.isfinite().all() for features in stages.values())
    assert set(network.laws) == {"input", *stages}
    targets = network_and_inputs(cell, CPU)[1].upright[1][: len(inputs)]
    TASKS[cell.task].loss(stages["output"], targets, "mean")


def sizes() -> list[tuple[str, int]]:
    """Networks that promise an exact law, at their smallest input and, where it may have any side, an odd one."""
    exact = {label: family for label, family in labels().items() if family.exact}
    larger = [label for label, family in exact.items() if family.least == SMALLEST_IMAGE]
    return [*((label, 0) for label in exact), *((label, 1) for label in larger)]


@pytest.mark.parametrize(("label", "larger"), sizes())
def test_what_is_promised_exactly_holds_in_every_layer(label: str, larger: int) -> None:
    """At elements that take points to points."""
    cell = sized(label, larger)
    network, inputs = made(label, larger)
    shape = load_data(cell.dataset, cell.dataset_options).shape
    group = all_moves(cell, shape).group
    kept = domain(cell.domain).group(str(group.on_grid)) if not group.keeps_grid else group
    elements = kept.probes({"rotation": (90.0,), "boost": (0.5,)})
    rows = equivariance_error(network, inputs, elements)  # type: ignore[arg-type]
    assert {row["layer"] for row in rows} == {"input", *dict(network.trace(inputs[:1]))}
    assert max(row["error"] for row in rows) < 1e-5


@each_network
def test_weights_are_a_function_of_the_seed(label: str) -> None:
    cell = subjects()[label]
    one, again, other = (network_and_inputs(replace(cell, seed=seed), CPU)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@each_network
def test_a_state_restores_what_it_was_taken_from(label: str) -> None:
    cell = subjects()[label]
    network, inputs = made(label)
    other, _ = network_and_inputs(replace(cell, seed=1), CPU)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(other.eval()(inputs), network(inputs))


@each_network
def test_a_state_holds_what_was_learned_and_no_tables(label: str) -> None:
    """Kernel bases and index tables are made again: a snapshot and a saved network need not carry them."""
    if subjects()[label].family == "e2cnn":
        pytest.skip("the library keeps its sampled bases and filters in the state")
    network, _ = made(label)
    learned = {name for name, _ in network.named_parameters()}
    kept = {name.rpartition(".")[2] for name in network.state_dict() if name not in learned}
    assert kept <= {"running", "running_mean", "running_var", "num_batches_tracked"}


@each_network
def test_running_statistics_can_be_recounted(label: str) -> None:
    """A layer that keeps any has the ``momentum`` with which `bench.train.statistics` makes them means."""
    network, _ = made(label)
    for module in network.modules():
        if any(name.startswith("running") for name, _ in module.named_buffers(recurse=False)):
            assert isinstance(module.momentum, float), type(module).__name__


@each_network
def test_an_exported_network_is_the_same_function(label: str) -> None:
    network, inputs = made(label)
    with torch.no_grad():
        torch.testing.assert_close(export(network)(inputs), network(inputs), rtol=1e-3, atol=1e-4)
