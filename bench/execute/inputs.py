"""What a cell's network is trained and scored on, with the controls that only look like moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.augment import Augmentation, cropped, resampled_only
from bench.cell import Cell
from bench.groups import parse


@dataclass(frozen=True)
class CellInputs:
    """Float images in units of the data set's root mean square, on the device, with their labels.

    ``train`` and ``validation`` are whole, ``upright`` the test images cut as the cell asks, ``transformed`` also moved
    by random elements of the whole group. The controls: ``exact`` are moved by random elements that permute pixels,
    None where the group has none, and ``resampled`` are not moved but resampled, where the group does that.
    """

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    upright: tuple[Tensor, Tensor]
    transformed: tuple[Tensor, Tensor]
    exact: tuple[Tensor, Tensor] | None
    resampled: tuple[Tensor, Tensor]


def cell_inputs(
    cell: Cell, train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]
) -> CellInputs:
    """Return what a network is trained and scored on, the controls beside it."""
    images, labels = test
    group, transforms = parse(cell.augmentation_group), cell.measure.transforms
    upright = cropped(images, cell.crop), labels
    everywhere, on_grid = all_moves(cell), replace(all_moves(cell), group=group.on_grid)
    has_exact = group.on_grid.order > 1 or group.keeps_grid
    return CellInputs(
        train=train,
        validation=validation,
        upright=upright,
        transformed=(moved(images, everywhere, transforms), labels.repeat(transforms)),
        exact=(moved(images, on_grid, transforms), labels.repeat(transforms)) if has_exact else None,
        resampled=upright
        if group.keeps_grid
        else (resampled_only(images, cell.resampling, cell.crop, 0, "control"), labels),
    )


def own_moves(cell: Cell) -> Augmentation:
    """Return how a cell moves its training images."""
    return Augmentation(parse(cell.augmentation_group), cell.strength, cell.resampling, cell.crop)


def all_moves(cell: Cell) -> Augmentation:
    """Return the moves by the whole group, of the transformed test."""
    return replace(own_moves(cell), strength=1.0)


def moved(images: Tensor, augmentation: Augmentation, transforms: int) -> Tensor:
    """Return the images moved by elements that are the same for every family: of a fixed seed, not of the cell's."""
    return torch.cat([augmentation(images, 0, "evaluation", i) for i in range(transforms)])
