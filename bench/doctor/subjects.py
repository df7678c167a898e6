"""What is checked: a small network of every family, with data that come with the installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import torch

from bench.cell import Cell
from bench.execute.inputs import CellInputs
from bench.execute.prepare import prepared, trainee_of
from bench.networks.network import Network
from bench.plan.matrix import make
from bench.registry import Family, datasets, families
from bench.suite import parse
from bench.train import Trainee

#: Of networks whose width is not a factor of the published channels.
WIDTHS = {"vectors": 48.0}
BATCH = 32


@lru_cache(maxsize=1)
def subjects() -> dict[str, Cell]:
    """Return a cell for every family and kind, by a name such as ``steerable C8``; fully augmented."""
    cells: dict[str, Cell] = {}
    own = _own_data()
    for family in families:
        for domain in family.domains:
            # of the tasks that it does, the first that there are data for
            name = next(name for (of, task), name in own.items() if of == domain and task in family.tasks)
            cells |= {cell.label: cell for cell in _cells(family, domain, name)}
    return cells


def labels() -> dict[str, Family]:
    """Return the family of every name in `subjects`, in that order; no network is made for it."""
    return {_label(family, kind): family for family in families for kind in family.kinds}


def _cells(family: Family, domain: str, data: str) -> Sequence[Cell]:
    width, size = WIDTHS.get(domain, 2.0), {"size": family.least} if family.least else {}
    kinds = [{"family": family.name, "width": width, "label": _label(family, kind), **kind} for kind in family.kinds]
    suite = parse(
        {
            "name": "doctor",
            "data": {"name": data, "train_sizes": [200], **size},
            "augmentation": {"strengths": [1]},
            "families": kinds,
            "budget": {"steps": 20, "batch_size": BATCH, "lr": 0.001, "schedule": "constant"},
            "seeds": 1,
        }
    )
    return make(suite, set(), "doctor").cells


def trainee(
    cell: Cell,
    device: torch.device,
    steps: int = 20,
    optimizer: Literal["adamw", "sgd"] = "adamw",
    precision: Literal["float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Trainee:
    """Return the network and the training examples of a cell, to be trained for so many steps."""
    changes = {"steps": steps, "optimizer": optimizer, "precision": precision}
    changed = replace(cell, budget=cell.budget.model_copy(update=changes), seed=seed)
    network, inputs = network_and_inputs(changed, device)
    return trainee_of(changed, network, inputs)


def network_and_inputs(cell: Cell, device: torch.device) -> tuple[Network, CellInputs]:
    """Return the network with the weights of the cell's seed, and the data, on a device."""
    network, inputs, _, _ = prepared(cell, device)
    return network, inputs


def exact(them: dict[str, Cell]) -> dict[str, Cell]:
    """Return the cells whose family promises its law but for rounding."""
    return {label: cell for label, cell in them.items() if families[cell.family].exact}


def some(them: dict[str, Cell], labels: Sequence[str]) -> dict[str, Cell]:
    """Return the cells of labels, as far as there are such."""
    return {label: them[label] for label in labels if label in them}


def _own_data() -> dict[tuple[str, str], str]:
    """Return by domain and task a data set that needs no file and no option."""
    own: dict[tuple[str, str], str] = {}
    for entry in datasets:
        if entry.comes_along:
            own.setdefault((entry.domain, entry.task), entry.name)
    return own


def _label(family: Family, kind: Mapping[str, Any]) -> str:
    return " ".join([family.name, *map(str, kind.values())])
