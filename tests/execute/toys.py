"""A data set and a family that are small enough to train in a moment, and what tests ask of their cells."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from bench.cell import Budget
from bench.data.dataset import Dataset, Split
from bench.domains.plane import Maps, image_network, of_images
from bench.execute import job
from bench.execute.data import load_data
from bench.execute.job import run_cell
from bench.geometry import INVARIANT, Shape
from bench.groups import FieldType, Group
from bench.networks.network import Network
from bench.registry import Options
from bench.results.store import Record
from bench.suite import measure
from bench.train import Fit, Trainee
from tests.fakes import make_cell

TRAIN, VALIDATION, TEST = 40, 30, 50


TROUBLE = {
    "device": torch.OutOfMemoryError("no\nroom"),
    "host": MemoryError(),
    "allocator": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory\nframe #0"),
    "bug": ValueError("no\nidea " * 200),
}


class ToyData(Options):
    wrong_validation: int = Field(0, description="validation labels that are wrong")
    wrong_test: int = Field(0, description="test labels that are wrong")


class ToyNetwork(Options):
    trouble: str = Field("", description="what to raise")


def bars(count: int, wrong: int, seed: int) -> Split:
    """Upright bars (0) and lying ones (1) under noise; the first labels may be wrong."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = torch.randint(0, 60, (count, 1, 16, 16), generator=generator)
    images[labels == 0, :, 3:13, 7:9] = 255
    images[labels == 1, :, 7:9, 3:13] = 255
    labels[:wrong] = 1 - labels[:wrong]
    return Split(images.to(torch.uint8), labels)


def toy_data(options: ToyData) -> Dataset:
    """Bars."""
    splits = bars(TRAIN, 0, 1), bars(VALIDATION, options.wrong_validation, 2), bars(TEST, options.wrong_test, 3)
    return of_images("toy", ("upright", "lying"), *splits)


def toy_network(options: ToyNetwork, shape: Shape, width: float) -> Network:
    """Two linear layers: small, quick and anything but invariant."""
    if options.trouble:
        raise TROUBLE[options.trouble]
    group = Group(1)
    hidden = nn.Sequential(nn.Flatten(), nn.Linear(shape.channels * shape.size**2, int(width)))
    scalars = FieldType.scalars(group, shape.channels)
    return image_network(
        group,
        {
            "image": (nn.Identity(), Maps(scalars, shape.size)),
            "hidden": (hidden, INVARIANT),
            "output": (nn.Linear(int(width), shape.outputs), INVARIANT),
        },
    )


def toy(data: dict[str, Any] | None = None, **changes: Any) -> Any:
    data = data or {}
    content = {
        "dataset": "toy",
        "dataset_options": data,
        "data_revision": load_data("toy", data).revision,
        "train_size": 30,
        "family": "toy",
        "width": 3.0,
        "strength": 0.0,
        "budget": Budget(steps=12, batch_size=8, evaluations=4, lr=0.02),
        "measure": measure({"equivariance": None, "calibration": None}),
    }
    return make_cell(**(content | changes))


class Spy:
    """What reached `fit`, and the network that came out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.initial: dict[str, Tensor] = {}
        self.inputs = self.targets = torch.empty(0)
        self.network: Any = None
        self.augment: Any = None
        fit = job.fit

        def spied(trainee: Trainee, validate: Any, *others: Any) -> Fit:
            self.initial = {key: value.clone() for key, value in trainee.network.state_dict().items()}
            self.network, self.inputs, self.targets = trainee.network, trainee.inputs, trainee.targets
            self.augment = lambda images, step: trainee.moves.apply(
                images, self.targets[: len(images)], *trainee.moves.draw(step, len(images))
            )[0]
            return fit(trainee, validate, *others)

        monkeypatch.setattr(job, "fit", spied)


def done(cell: Any) -> Record:
    record = run_cell(cell, "cpu", "exclusive")
    assert record.run["status"] == "done", record.run["reason"]
    return record


@torch.no_grad()
def scores(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    logits = network(images)
    return float((logits.argmax(1) == labels).float().mean()), float(F.cross_entropy(logits, labels))
