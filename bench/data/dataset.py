"""What every data set gives, and how training sets are drawn from it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush

import numpy as np
import torch
from torch import Tensor

from bench.errors import UserError
from bench.geometry import Shape
from bench.seeds import generator
from bench.tasks import CLASSIFICATION, TASKS, Task

SPLIT_SEED = 0
"""The seed of every split that the data's authors did not make: part of the data set, never an axis."""


@dataclass(frozen=True)
class Split:
    """Inputs (N, channels, *points), uint8 or float32, and as many targets."""

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            raise ValueError(f"there are {len(self.inputs)} inputs and {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: Tensor) -> Split:
        return Split(self.inputs[indices], self.targets[indices])


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits of inputs of one shape; the training split is the pool that training sets are drawn from.

    ``names`` are those of the outputs, such as the classes'; ``notes`` are sentences for the user, about what was left
    out or changed on the way. ValueError for splits that are not of the shape.
    """

    name: str
    shape: Shape
    train: Split
    validation: Split
    test: Split
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Shape):
            raise TypeError(
                "a Dataset takes its Shape where it took the names of classes; of images "
                "`bench.domains.plane.of_images(name, classes, train, validation, test)` gives one"
            )
        expected = self.shape.stored
        for split in (self.train, self.validation, self.test):
            inputs = split.inputs
            if inputs.dtype not in (torch.uint8, torch.float32) or tuple(inputs.shape[1:]) != expected:
                raise ValueError(
                    f"inputs must be uint8 or float32 (N, {', '.join(map(str, expected))}), not {inputs.dtype} "
                    f"{tuple(inputs.shape)}"
                )
            self.task.check(split.targets, self.shape.outputs)

    @property
    def task(self) -> Task:
        """What is asked of a network."""
        return TASKS[self.shape.task]

    @cached_property
    def revision(self) -> str:
        """A hash of every input and target, so that other data can never pass for the same cell."""
        digest = hashlib.blake2b(digest_size=8)
        for split in (self.train, self.validation, self.test):
            digest.update(str(tuple(split.inputs.shape)).encode())
            digest.update(split.inputs.contiguous().numpy().data)
            digest.update(split.targets.contiguous().numpy().data)
        return digest.hexdigest()

    @cached_property
    def variety(self) -> tuple[int, int]:
        """The largest range of a pixel's grey values in the training pool, and how often its commonest image comes."""
        images = self.train.inputs
        digests = Counter(hashlib.blake2b(image.numpy().tobytes(), digest_size=8).digest() for image in images)
        return int((images.amax(0).int() - images.amin(0).int()).max()), digests.most_common(1)[0][1]

    @cached_property
    def rms(self) -> float:
        """The root mean square of the training pool's numbers; of images in 0 to 255."""
        return max(float(self.train.inputs.float().square().mean().sqrt()), 1e-6)


#: The range of grey values, of 255, up to which images are nearly equal: what noise of compression makes of one image.
ALIKE = 8


def check_content(dataset: Dataset, where: str) -> tuple[str, ...]:
    """Return sentences about training images that come again and again; UserError if all are equal or nearly so."""
    if dataset.train.inputs.dtype != torch.uint8:
        return ()
    count, (spread, commonest) = len(dataset.train), dataset.variety
    if spread <= ALIKE:
        how = "are all equal" if spread == 0 else f"differ by no more than {spread} of 255 grey values"
        raise UserError(
            f"{where}: the {count:,} training images of '{dataset.name}' {how}: there is nothing to learn; if their "
            "content is in their transparency, choose another 'background'"
        )
    if 2 * commonest <= count:
        return ()
    return (f"{commonest:,} of the {count:,} training images are one and the same",)


def stratified_order(labels: Tensor, seed: int) -> Tensor:
    """Return a random order (N,) of which every prefix is stratified: class counts within one of proportional.

    Prefixes of one order are nested, so that a training set of 100 is part of the one of 300 of the same seed. Image k
    of a class of n has a window of places, from k N / n to (k + 1) N / n; each place goes to the open window that
    closes first. That meets every window (they are the ones of Baruah et al. 1996, "Proportionate progress", on one
    machine), and windows that are met are counts within one of proportional, whatever the sizes of the classes.
    """
    draw = generator(seed, "split")
    values = labels.numpy()
    total = len(values)
    opens, closes = np.empty(total, np.int64), np.empty(total, np.int64)
    for label in np.unique(values):
        members = np.flatnonzero(values == label)
        shuffled = members[torch.randperm(len(members), generator=draw).numpy()]
        rank = np.arange(len(members))
        opens[shuffled] = rank * total // len(members)
        closes[shuffled] = -(-(rank + 1) * total // len(members))
    tie_break = torch.rand(total, generator=draw, dtype=torch.float64).numpy()
    arrivals = np.argsort(opens, kind="stable")
    arrived = np.searchsorted(opens[arrivals], np.arange(total + 1))
    waiting: list[tuple[int, float, int]] = []
    order = []
    for place in range(total):
        for image in arrivals[arrived[place] : arrived[place + 1]]:
            heappush(waiting, (closes[image], tie_break[image], image))
        order.append(heappop(waiting)[2])
    return torch.tensor(order, dtype=torch.int64)


def training_set(dataset: Dataset, size: int, seed: int) -> Split:
    """Return a stratified random subset of the training pool; UserError if the pool is smaller than ``size``."""
    available = len(dataset.train)
    if size > available:
        raise UserError(f"train_sizes asks for {size} images; '{dataset.name}' has {available} for training")
    strata = dataset.task.strata(dataset.train.targets)
    return dataset.train.take(stratified_order(strata, seed)[:size])


def partition(
    inputs: Tensor, targets: Tensor, sizes: tuple[int, ...], seed: int, task: Task = CLASSIFICATION
) -> tuple[Split, ...]:
    """Cut examples into disjoint splits of the given sizes, in a seeded random order, stratified as the task does."""
    if sum(sizes) > len(targets):
        raise ValueError(f"splits of {sizes} need {sum(sizes)} images; there are {len(targets)}")
    order = stratified_order(task.strata(targets), seed)
    whole = Split(inputs, targets)
    starts = np.cumsum((0, *sizes))
    return tuple(whole.take(order[a : a + size]) for a, size in zip(starts, sizes, strict=False))
