"""What the gate times, and the calibrations beside which it does.

A calibration is code that this project does not change, of the same kind and size as what it stands beside: torch's own
convolutions and normalisations of the sizes that the network has, torch's own resampling, a loop in Python for what
Python does. What slows one slows the other. A change of a calibration needs new baselines.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.cell import Budget, Match
from bench.domains.plane import augmentation, image_shape
from bench.domains.plane.kernels import decompose, group_basis, kernel_basis
from bench.domains.plane.layers.steerable_convolution import padded_basis
from bench.groups import Element, Group
from bench.measure import equivariance_error
from bench.networks.export import export
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.plan.matrix import make
from bench.registry import families
from bench.suite import Suite
from bench.train import UNMOVED, Trainee, autocast
from bench.train.capture import captured
from bench.train.step import Step

SHAPE = image_shape(1, 28, 10)
WIDTH = 2.0
BATCH = 32

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": ("cnn", {}),
    "gcnn C4": ("gcnn", {"group": "C4"}),
    "steerable C8": ("steerable", {"group": "C8"}),
    "steerable SO(2)": ("steerable", {"group": "SO(2)", "fields": "irreps"}),
    "hnet": ("hnet", {}),
    "et": ("et", {}),
}


@dataclass(frozen=True)
class Workload:
    """A piece of work by name; ``prepare(device)`` returns what is timed, and what it is calibrated by."""

    name: str
    prepare: Callable[[torch.device], tuple[Callable[[], object], Callable[[], object]]]


def workloads() -> list[Workload]:
    """Return everything that the gate times, in the order in which it does."""
    every_kind = []
    for label in NETWORKS:
        kinds = {"step": _step, "inference": _inference, "equivariance": _equivariance, "build": _build}
        every_kind += [Workload(f"{kind}, {label}", partial(prepare, label)) for kind, prepare in kinds.items()]
    return [*every_kind, Workload("augmentation", _augmentation), Workload("planning", _planning)]


def network(label: str, device: torch.device) -> Network:
    """Return the network of a label of `NETWORKS`, with the weights of seed 0."""
    family, options = NETWORKS[label]
    entry = families[family]
    built = build(entry, entry.options(**options), SHAPE, WIDTH, seed=0)
    return built.placed(device)


def images(count: int, device: torch.device) -> Tensor:
    """Return noise (count, 1, S, S), the same in every run."""
    drawn = torch.rand(count, SHAPE.channels, SHAPE.size, SHAPE.size, generator=torch.Generator().manual_seed(0))
    return drawn.to(device)


def step_of(label: str, device: torch.device) -> Step:
    """Return the training step of a network, ready to be called up to `BLOCK` times."""
    labels = torch.arange(BATCH, device=device) % SHAPE.outputs
    # far more steps than are called: the schedule must not end, nor the table of losses
    budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6)
    trainee = Trainee(network(label, device), images(BATCH, device), labels, UNMOVED, budget, seed=0)
    step = Step([trainee], 2**16)
    step.load(0)  # of which the rows come again and again
    return step


def _step(label: str, device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    step = step_of(label, device)
    return captured(step) if device.type == "cuda" else step, _plain_step(label, device)


def _inference(label: str, device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    model, batch = network(label, device).eval(), images(BATCH, device)

    @torch.no_grad()
    def infer() -> object:
        return model(batch)

    return infer, _plain_inference(label, BATCH, device)


def _equivariance(label: str, device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    model, batch = network(label, device).eval(), images(16, device)
    work = partial(equivariance_error, model, batch, [Element.rotation(90.0)])
    return work, _plain_inference(label, 2 * len(batch), device)


def _build(label: str, device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    family, options = NETWORKS[label]
    entry = families[family]

    def fresh() -> object:
        for cache in (kernel_basis, group_basis, decompose, padded_basis, resolve):
            cache.cache_clear()
        return resolve(entry, entry.options(**options), SHAPE, None, Match(by="parameters", target=10_000))

    return fresh, _in_python


def _augmentation(device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    moving, batch = augmentation(Group.parse("SO(2)"), 1.0), images(256, device)
    turn = torch.tensor([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0]], device=device).expand(len(batch), 2, 3)

    def resample() -> object:
        grid = F.affine_grid(turn, list(batch.shape), align_corners=False)
        return F.grid_sample(batch, grid, align_corners=False)

    return lambda: moving(batch, 0, "augmentation"), resample


def _planning(device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    suite = Suite.model_validate(
        {
            "name": "gate",
            "data": {"name": "digits", "train_sizes": [100]},
            "augmentation": {"strengths": [0, 1]},
            "families": [{"family": "cnn"}],
            "budget": {"steps": 1},
            "seeds": 100,
        }
    )
    return lambda: make(suite, set(), "gate").cell_ids, _in_python


def _plain_step(label: str, device: torch.device) -> Callable[[], object]:
    """Return forward and backward pass of ordinary layers of the sizes that a network has, in a step's precision."""
    layers = _plain_layers(label, BATCH, device)
    budget = Budget(steps=1)

    def calibrate() -> object:
        for features, layer in layers:
            with autocast(budget, device):
                result = layer(features)
            result.backward(result.detach())
        return layers

    return calibrate


def _plain_inference(label: str, count: int, device: torch.device) -> Callable[[], object]:
    """Return the forward pass of ordinary layers of the sizes that a network has, in float32."""
    layers = [(features.detach(), layer.eval()) for features, layer in _plain_layers(label, count, device)]

    @torch.no_grad()
    def calibrate() -> object:
        return [layer(features) for features, layer in layers]

    return calibrate


def _plain_layers(label: str, count: int, device: torch.device) -> list[tuple[Tensor, nn.Sequential]]:
    """Return an input and torch's own convolution, normalisation and ReLU for each convolution of a network.

    What is under load reacts as what is beside it under the same load only if both touch as much memory.
    """
    layers: list[tuple[Tensor, nn.Sequential]] = []

    def note(convolution: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(convolution, nn.Conv2d)
        features = inputs[0].detach().clone().requires_grad_(bool(layers))  # images need no gradient
        plain = [copy.deepcopy(convolution), nn.BatchNorm2d(output.shape[1]), nn.ReLU(inplace=True)]
        layers.append((features, nn.Sequential(*plain).to(device)))

    exported = export(network(label, device))
    for module in list(exported.modules()):
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        exported(images(count, device))
    for _, layer in layers:
        layer[0]._forward_hooks.clear()
        layer.train()
    return layers


def _in_python() -> object:
    """Do what planning and building do: small objects, JSON, hashes, small linear algebra."""
    matrix = np.random.default_rng(0).normal(size=(32, 32))
    rows = [{"cell": place, "value": place / 7, "name": f"row {place}"} for place in range(200)]
    for _ in range(4):
        np.linalg.svd(matrix)
        for row in rows:
            hashlib.blake2b(json.dumps(row, sort_keys=True).encode()).hexdigest()
    return matrix
