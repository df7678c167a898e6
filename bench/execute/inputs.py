"""What a cell's network is trained and scored on, with the controls that only look like moves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cell import Cell
from bench.geometry import Augmentation, Shape, domain
from bench.seeds import generator

Examples = tuple[Tensor, Tensor]
"""Inputs (N, channels, *points) and targets (N, ...)."""


@dataclass(frozen=True)
class CellInputs:
    """Float inputs in units of the data set's root mean square, on the device, with their targets.

    ``train`` and ``validation`` are as they are stored, ``upright`` the test inputs as the cell sees them,
    ``transformed`` also moved by random elements of the whole group. The controls: ``exact`` are moved by random
    elements that take points to points, None where the group has none, and ``resampled`` are not moved but resampled,
    where the group does that.
    """

    train: Examples
    validation: Examples
    upright: Examples
    transformed: Examples
    exact: Examples | None
    resampled: Examples


def cell_inputs(cell: Cell, shape: Shape, train: Examples, validation: Examples, test: Examples) -> CellInputs:
    """Return what a network is trained and scored on, the controls beside it."""
    everywhere, transforms = all_moves(cell, shape), cell.measure.transforms
    group, motion = everywhere.group, everywhere.inputs
    on_grid = domain(cell.domain).augmentation(shape, str(group.on_grid), 1.0, cell.resampling, cell.crop)
    upright = everywhere.still(*test)
    return CellInputs(
        train=train,
        validation=validation,
        upright=upright,
        transformed=moved(test, everywhere, transforms),
        exact=moved(test, on_grid, transforms) if not group.on_grid.is_trivial or group.keeps_grid else None,
        resampled=upright if group.keeps_grid else (motion.resampled(test[0], generator(0, "control")), upright[1]),
    )


def own_moves(cell: Cell, shape: Shape) -> Augmentation:
    """Return how a cell moves its training examples."""
    return domain(cell.domain).augmentation(shape, cell.augmentation_group, cell.strength, cell.resampling, cell.crop)


def all_moves(cell: Cell, shape: Shape) -> Augmentation:
    """Return the moves by the whole group, of the transformed test."""
    return own_moves(cell, shape).of_strength(1.0)


def moved(examples: Examples, augmentation: Augmentation, transforms: int = 1) -> Examples:
    """Return examples moved by elements that are the same for every family: of a fixed seed, not of the cell's."""
    parts = [augmentation.both(*examples, 0, "evaluation", i) for i in range(transforms)]
    return torch.cat([inputs for inputs, _ in parts]), torch.cat([targets for _, targets in parts])
