"""A cell trained once more, for its network: records keep numbers, not weights."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cell import Cell
from bench.execute.data import load_data
from bench.execute.inputs import CellInputs, Examples, moved, own_moves
from bench.execute.prepare import prepared, trainee_of
from bench.execute.settle import settle
from bench.measure import score
from bench.networks.network import Network
from bench.tasks import task_of
from bench.train import fit


def trained(cell: Cell, device: str) -> tuple[Network, Tensor]:
    """Train a cell again and return its network and its test inputs; on a CPU it is the same network bit for bit."""
    network, inputs = _again(cell, device)
    return network, inputs.upright[0]


def trained_on(cell: Cell, device: str) -> tuple[Network, Examples]:
    """Train a cell again and return its network and its test examples, moved by random elements of the whole group."""
    network, inputs = _again(cell, device)
    return network, inputs.transformed


def _again(cell: Cell, device: str) -> tuple[Network, CellInputs]:
    where = torch.device(device)
    settle(where)
    network, inputs, _, _ = prepared(cell, where)
    shape = load_data(cell.dataset, cell.dataset_options).shape
    own, task = moved(inputs.validation, own_moves(cell, shape)), task_of(shape)
    fit(trainee_of(cell, network, inputs), lambda model: score(model, *own, task)[:2])
    return network.eval(), inputs
