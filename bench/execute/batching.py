"""Which cells may train beside one another, with every step in common."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cell import Cell


def together(cells: Sequence[Cell], most: int) -> list[tuple[Cell, ...]]:
    """Return the cells in groups of at most ``most`` that share an architecture and what a step has in common.

    Seeds, strengths, learning rates and, where a budget counts steps, training sets may differ within a group.
    """
    groups: dict[str, list[list[Cell]]] = {}
    for cell in cells:
        alike = groups.setdefault(_kind(cell) if most > 1 else cell.cell_id, [[]])
        if len(alike[-1]) == most:
            alike.append([])
        alike[-1].append(cell)
    return [tuple(group) for alike in groups.values() for group in alike]


def _kind(cell: Cell) -> str:
    from bench.train import total_steps  # here, so that a worker that runs no training need not load torch

    alike = cell.budget.model_dump(include={"batch_size", "optimizer", "evaluations", "precision"})
    return cell.network_key(alike, total_steps(cell.budget, cell.train_size))
