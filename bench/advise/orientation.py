"""Whether a user's images have an orientation at all: a small network tries to tell them from exactly moved ones.

A classifier two-sample test (Lopez-Paz & Oquab 2017; of symmetries Lawrence & Hofgard 2025). The moves permute pixels,
so that nothing is resampled, and inputs are cut to the disc as those of the matrix are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import torch
from torch import Tensor

from bench.analysis.orientation import TwoSamples
from bench.atomic import write_atomically
from bench.cell import Budget
from bench.data.dataset import Dataset
from bench.domains.plane import cropped, image_shape
from bench.errors import UserError
from bench.execute.settle import settle
from bench.groups import Element, Group, act
from bench.networks.matching import build
from bench.registry import families
from bench.seeds import derive, generator
from bench.train import UNMOVED, Trainee, fit

ORIENTATION = "orientation.csv"

#: Images that are looked at; half of them train the network.
MOST = 4000
STEPS, BATCH, WIDTH = 400, 32, 8.0


def look(dataset: Dataset, groups: Sequence[str], device: str) -> list[TwoSamples]:
    """Return one test for every group, of all images of a data set."""
    settle(torch.device(device))
    splits = (dataset.train, dataset.validation, dataset.test)
    images = torch.cat([split.inputs for split in splits])
    order = torch.randperm(len(images), generator=generator(0, "orientation"))[:MOST]
    inputs = images[order].to(device).float() / dataset.rms
    return [two_samples(cropped(inputs, "disc"), group, STEPS) for group in groups]


def two_samples(images: Tensor, group: str, steps: int, seed: int = 0) -> TwoSamples:
    """Return how many of half of the images (N, C, S, S), in random order, a network tells from moved ones.

    It is trained on the other half: every image as it is and as every element moves it, both kinds equally often.
    """
    moving = [g for g in Group.parse(group).on_grid.elements if g != Element()]
    learned, held_out = images.tensor_split(2)
    inputs = torch.cat([learned.repeat(len(moving), 1, 1, 1), *(act(learned, g) for g in moving)])
    labels = torch.arange(2, device=images.device).repeat_interleave(len(inputs) // 2)
    entry, shape = families["cnn"], image_shape(images.shape[1], images.shape[-1], 2)
    network = build(entry, entry.options(), shape, WIDTH, derive(seed, "initialisation")).placed(images.device)
    budget = Budget(steps=steps, batch_size=BATCH, lr=0.01, evaluations=1)
    fit(Trainee(network, inputs, labels, UNMOVED, budget, seed), lambda _: (0.0, 0.0))
    draw = generator(seed, "two samples")
    # 0 is the identity: a coin for each image, then which of the elements
    chosen = torch.randint(1, 1 + len(moving), (len(held_out),), generator=draw)
    chosen *= torch.randint(0, 2, (len(held_out),), generator=draw)
    shown = torch.stack([act(image, ([Element(), *moving])[g]) for image, g in zip(held_out, chosen, strict=True)])
    with torch.no_grad():
        predicted = torch.cat([network.eval()(batch).argmax(1) for batch in shown.split(500)])
    right = int((predicted.cpu() == (chosen > 0)).sum())
    return TwoSamples(group, ", ".join(map(str, moving)), right, len(held_out))


def write(tests: Sequence[TwoSamples], folder: Path) -> None:
    """Write the tests beside the tables, one row each."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [field.name for field in fields(TwoSamples)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(test) for test in tests)
    write_atomically(folder / ORIENTATION, buffer.getvalue().encode())


def read(folder: Path) -> list[TwoSamples]:
    """Return the tests of a results folder; none where it has no such file, UserError where it is no such table."""
    path = folder / ORIENTATION
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        return [TwoSamples(row["group"], row["moves"], int(row["right"]), int(row["tested"])) for row in rows]
    except FileNotFoundError:
        return []
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not what `equivaug advise` wrote; --fresh makes it anew") from error
