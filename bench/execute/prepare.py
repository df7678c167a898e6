"""What a cell is trained from: its network, its inputs, and both put together."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cell import Cell
from bench.data.dataset import Split, training_set
from bench.errors import UserError
from bench.execute.data import load_data
from bench.execute.inputs import CellInputs, Examples, cell_inputs, own_moves
from bench.geometry import Augmentation, domain, expand
from bench.networks.matching import Architecture, build, resolve
from bench.networks.network import Network
from bench.registry import families
from bench.seeds import derive, generator
from bench.tasks import task_of
from bench.train import UNMOVED, Moves, Trainee, clock, total_steps


def prepared(cell: Cell, device: torch.device) -> tuple[Network, CellInputs, Architecture, float]:
    """Return the network with the seed's weights and the data, both on the device, and the seconds of the building."""
    dataset = load_data(cell.dataset, cell.dataset_options)
    if dataset.revision != cell.data_revision:
        raise UserError(f"the data of '{cell.dataset}' changed since the cell was planned; run the suite again")
    # unit root mean square, which commutes with every linear action, but no centring: the black around an image, the
    # padding of convolutions and the empty corners of a rotated image stay one and the same zero
    scale = 1 / dataset.rms

    def on_device(split: Split) -> Examples:
        # a copy, as numbers that are floats already would be scaled in place
        inputs = split.inputs.to(device, torch.float32, copy=True)
        return inputs.mul_(scale), split.targets.to(device)

    train = training_set(dataset, cell.train_size, cell.seed)
    test = dataset.test.take(torch.arange(len(dataset.test))[: cell.measure.test_images])
    inputs = cell_inputs(cell, dataset.shape, on_device(train), on_device(dataset.validation), on_device(test))
    shape, entry = dataset.shape, families[cell.family]
    began = clock(device)  # now that everything is imported, loaded and on the device
    options = entry.options.model_validate(cell.family_options)
    architecture = cell.architecture or resolve(entry, options, shape, cell.width, cell.match)
    network = build(entry, architecture.options, shape, architecture.width, derive(cell.seed, "initialisation"))
    network = network.placed(device)
    return network, inputs, architecture, clock(device) - began


def trainee_of(cell: Cell, network: Network, inputs: CellInputs) -> Trainee:
    """Return the network with its training examples, copied where the cell asks for copies, and its own moves."""
    shape = load_data(cell.dataset, cell.dataset_options).shape
    examples, targets = inputs.train
    augmentation = own_moves(cell, shape)
    # as many steps with copies as without: an epoch is one pass over the examples before they are copied
    budget = cell.budget.model_copy(update={"epochs": None, "steps": total_steps(cell.budget, cell.train_size)})
    moves = UNMOVED
    if cell.copies:
        examples, targets = expand(examples, targets, augmentation, cell.copies, cell.seed)
    elif cell.base:
        moves = _on_base(cell, augmentation)
    elif cell.strength:
        examples = augmentation.prepare(examples)
        moves = Moves(lambda step, count: augmentation.draw(count, cell.seed, "augmentation", step), augmentation.move)
    else:
        examples, targets = augmentation.still(examples, targets)
    return Trainee(network, examples, targets, moves, budget, cell.seed, task_of(shape))


def _on_base(cell: Cell, augmentation: Augmentation) -> Moves:
    """Return moves by the base that a cell names, and then by its own augmentation."""
    base = domain(cell.domain).bases[cell.base]

    def draw(step: int, count: int) -> tuple[Tensor, ...]:
        elements = augmentation.draw(count, cell.seed, "augmentation", step) if cell.strength else ()
        return base.draw(count, generator(cell.seed, "base", step)), *elements

    def apply(inputs: Tensor, targets: Tensor, drawn: Tensor, *elements: Tensor) -> Examples:
        varied = base.apply(inputs, drawn)
        if not elements:
            return augmentation.still(varied, targets)
        return augmentation.move(augmentation.prepare(varied), targets, *elements)

    return Moves(draw, apply)
