"""The one way to run a cell: data, augmentation, network, training, measurement, record."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import psutil
import torch
from torch import Tensor, nn

import bench
from bench.augment import Crop, cropped, expand
from bench.bits import pack
from bench.cell import Cell
from bench.data.dataset import Dataset, training_set
from bench.errors import UserError, one_line
from bench.execute.allocator import keep_memory, release_memory
from bench.execute.inputs import CellInputs, all_moves, cell_inputs, moved, own_moves
from bench.groups import parse
from bench.measure import Inputs, Stage, peak_memory, reset_peak_memory, score
from bench.models.matching import Architecture, build, resolve
from bench.models.network import Network, Shape
from bench.models.size import count_training_flops
from bench.registry import datasets, families, measurements
from bench.seeds import derive
from bench.store import Record
from bench.train import (
    UNMOVED,
    Fit,
    Moves,
    Snapshots,
    Trainee,
    clock,
    evaluation_steps,
    fit,
    fit_together,
    precision,
    total_steps,
)

#: The share of its seconds in which a training that is called exclusive had a processor.
EXCLUSIVE = 0.95


@dataclass(frozen=True)
class Cost:
    """What a cell costs, from steps that were really run; times in seconds, memory in bytes.

    ``fixed_seconds`` is what does not depend on the length of training: building and measuring.
    """

    step_seconds: float
    fixed_seconds: float
    peak_memory_bytes: int | None


@lru_cache(maxsize=4)
def _loaded(name: str, options: Any) -> Dataset:
    dataset: Dataset = datasets[name].make(options)
    return dataset


def load_data(name: str, options: dict[str, Any]) -> Dataset:
    """Return a data set, loaded once per process."""
    return _loaded(name, datasets[name].options.model_validate(options))


def shape_of(dataset: Dataset) -> Shape:
    """Return what a network for this data set is built for."""
    return Shape(dataset.train.images.shape[1], dataset.train.images.shape[-1], len(dataset.classes))


def run_cells(cells: Sequence[Cell], device: str, timing: str, snapshots: Path | None = None) -> list[Record]:
    """Train and measure cells, together if there are several; what goes wrong is in their records, never raised.

    Cells that cannot train together (see `bench.execute.groups`) are run one by one. ``snapshots`` is the folder in
    which trainings that take long are written down on their way, and from which they go on.
    """
    if len(cells) > 1:
        try:
            return _run_together(cells, torch.device(device), snapshots)
        except Exception as error:  # a family that has no batched form, or too little memory for all of them
            print(f"run one by one, because together: {one_line(error)}", file=sys.stderr)
    return [run_cell(cell, device, timing, snapshots) for cell in cells]


def run_cell(cell: Cell, device: str, timing: str, snapshots: Path | None = None) -> Record:
    """Train and measure one cell; what goes wrong is in the record's status and reason, never raised."""
    job = _Job(cell, torch.device(device))
    try:
        settle(job.device)
        job.prepare()
        job.finish(fit(job.trainee, job.validate, _snapshots([cell], job.device, snapshots)))
    except torch.OutOfMemoryError as error:
        job.run |= {"status": "oom", "reason": one_line(error)}
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        # torch has no exception of its own for the host's memory, only the name of its allocator
        full = isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)
        reason = f"{one_line(error)} ({Path(last.filename).name}:{last.lineno})"
        job.run |= {"status": "oom" if full else "failed", "reason": reason}
    return job.record(timing)


def _run_together(cells: Sequence[Cell], device: torch.device, snapshots: Path | None) -> list[Record]:
    """Train and measure cells as one batched network; their seconds are of sharing the device with one another."""
    settle(device)
    jobs = [_Job(cell, device) for cell in cells]
    for job in jobs:
        job.prepare()
    validates = [job.validate for job in jobs]
    fits = fit_together([job.trainee for job in jobs], validates, _snapshots(cells, device, snapshots))
    for job, result in zip(jobs, fits, strict=True):
        job.finish(result)
    return [job.record("shared") for job in jobs]


def _snapshots(cells: Sequence[Cell], device: torch.device, folder: Path | None) -> Snapshots | None:
    """Return where the training of cells is written down on its way."""
    if folder is None:
        return None
    settings = {
        "cells": " ".join(cell.cell_id for cell in cells),
        "precision": precision(cells[0].budget, device),
        "device": device.type,
        "torch": str(torch.__version__),
        "equivaug": bench.__version__,
    }
    others = f"-and-{len(cells) - 1}" if len(cells) > 1 else ""
    return Snapshots(folder / f"{cells[0].cell_id}{others}.pt", settings)


def probe(cell: Cell, device: str, steps: int = 3) -> Cost:
    """Run a few steps of a cell, score some images, and return what the whole cell will cost."""
    where = torch.device(device)
    settle(where)
    network, inputs, _, built = _prepared(cell, where)
    short = cell.budget.model_copy(update={"epochs": None, "steps": steps, "evaluations": 1})
    result = fit(replace(_trainee(cell, network, inputs), budget=short), lambda _: (0.0, 0.0))
    began = clock(where)
    score(network, *inputs.validation)
    per_image = (clock(where) - began) / len(inputs.validation[1])
    count = len(evaluation_steps(cell.budget, total_steps(cell.budget, cell.train_size)))
    # validation, own and transformed, each time, both and upright at the end, then test images: upright and resampled
    # once, moved exactly and by the whole group as often as asked
    scored = (2 * count + 3) * len(inputs.validation[1]) + (2 + 2 * cell.measure.transforms) * len(inputs.upright[1])
    began = clock(where)
    for stage in get_args(Stage):
        _measure(cell, network, inputs, stage, {}, [])
    measured = clock(where) - began
    return Cost(result.seconds / steps, built + per_image * scored + measured, peak_memory(where))


def _settings(cell: Cell, device: torch.device) -> dict[str, Any]:
    """Return the columns that say how the cell was trained."""
    budget = cell.budget
    matched: dict[str, Any] = {}
    if cell.match:
        matched = {"match_by": cell.match.by, "match_target": cell.match.target, "match_like": cell.rival or None}
    names = ("batch_size", "optimizer", "lr", "schedule", "checkpoint")
    return {**matched, **{name: getattr(budget, name) for name in names}, "precision": precision(budget, device)}


def provenance(device: torch.device) -> dict[str, Any]:
    """Return what ran the cell: versions, commit, device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "version": bench.__version__,
        "commit": _commit(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": name if device.type == "cuda" else f"cpu {name}",
        "threads": torch.get_num_threads(),
        # how many processes wanted a processor in the last minute, over the processors that there are
        "load": psutil.getloadavg()[0] / (psutil.cpu_count() or 1),
        "finished_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


class _Job:
    """A cell on its way to a record."""

    network: Network
    trainee: Trainee

    def __init__(self, cell: Cell, device: torch.device) -> None:
        self.cell, self.device = cell, device
        self._began = time.perf_counter()
        self.run: dict[str, Any] = {"status": "done", "reason": None, **_settings(cell, device)}
        self.curve: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []

    def prepare(self) -> None:
        """Build the network, measure it, and put together what it is trained on."""
        cell = self.cell
        self.network, self._inputs, architecture, built = _prepared(cell, self.device)
        self.run |= {
            "build_seconds": built,
            "width": architecture.width,
            "parameters": architecture.parameters,
            "flops_per_image": architecture.flops,
            "training_flops_per_image": count_training_flops(
                self.network, shape_of(load_data(cell.dataset, cell.dataset_options)), cell.budget.batch_size
            ),
        }
        _measure(cell, self.network, self._inputs, "init", self.run, self.errors)
        # validation inputs moved as the cell trains, and moved by the whole group: the same for every strength
        (images, labels), everywhere = self._inputs.validation, all_moves(cell)
        self._own = moved(images, own_moves(cell), 1), labels
        self._whole = moved(images, everywhere, 1), labels
        self.trainee = _trainee(cell, self.network, self._inputs)

    def validate(self, model: nn.Module) -> tuple[float, float, float]:
        accuracy, nll, _ = score(model, *self._own)
        return accuracy, nll, accuracy if self.cell.strength == 1 else score(model, *self._whole).accuracy

    def finish(self, result: Fit) -> None:
        """Score and measure the network that training left."""
        self.curve += result.curve
        self.run |= {
            "steps": result.steps,
            "train_seconds": result.seconds,
            "cpu_share": result.cpu_seconds / result.seconds,
            "images_per_second": result.steps * self.cell.budget.batch_size / result.seconds,
            "seconds_to_target": _seconds_to_target(self.cell, result.curve),
        }
        if result.diverged_at is not None:
            reason = f"the loss was not finite at step {result.diverged_at}"
            self.run |= {"status": "diverged", "reason": reason}
            return
        self.run |= _scores(self.network, self._inputs, self._own, self._whole, self.cell.crop)
        _measure(self.cell, self.network, self._inputs, "trained", self.run, self.errors)
        self.run["peak_memory_bytes"] = peak_memory(self.device)

    def record(self, timing: str) -> Record:
        """Return what was found, with what ran it.

        On a CPU a training had the processor for itself if it had one for nearly all of its seconds, whatever else ran.
        """
        self.run |= provenance(self.device)
        if self.device.type == "cpu" and self.run.get("cpu_share", 1) < EXCLUSIVE:
            timing = "shared"
        self.run |= {"timing": timing, "total_seconds": time.perf_counter() - self._began}
        return Record(self.cell.cell_id, self.run, self.curve, self.errors)


def trained(cell: Cell, device: str) -> tuple[Network, Tensor]:
    """Train a cell again and return its network and its test images; on a CPU it is the same network bit for bit."""
    where = torch.device(device)
    settle(where)
    network, inputs, _, _ = _prepared(cell, where)
    own = moved(inputs.validation[0], own_moves(cell), 1)
    fit(_trainee(cell, network, inputs), lambda model: score(model, own, inputs.validation[1])[:2])
    return network.eval(), inputs.upright[0]


def _trainee(cell: Cell, network: Network, inputs: CellInputs) -> Trainee:
    """Return the network with its training images, copied where the cell asks for copies, and its own moves."""
    images, labels = inputs.train
    augmentation = own_moves(cell)
    # as many steps with copies as without: an epoch is one pass over the images before they are copied
    budget = cell.budget.model_copy(update={"epochs": None, "steps": total_steps(cell.budget, cell.train_size)})
    moves = UNMOVED
    if cell.copies:
        images, labels = expand(images, labels, augmentation, cell.copies, cell.seed)
    elif cell.strength:
        images = augmentation.prepare(images)
        moves = Moves(lambda step, count: augmentation.draw(count, cell.seed, "augmentation", step), augmentation.move)
    else:
        images = cropped(images, cell.crop)
    return Trainee(network, images, labels, moves, budget, cell.seed)


def settle(device: torch.device) -> None:
    """Make numbers depend on the cell alone, float32 mean float32, and the peak of memory start here."""
    if device.type == "cpu":
        torch.set_num_threads(1)  # the order of a sum depends on the number of threads
        release_memory()
        keep_memory()
    else:
        torch.cuda.set_device(device.index or 0)
        # ten bits of mantissa would read as equivariance errors of 1e-4
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    reset_peak_memory(device)


def _prepared(cell: Cell, device: torch.device) -> tuple[Network, CellInputs, Architecture, float]:
    """Return the network with the seed's weights and the data, both on the device, and the seconds of the building."""
    dataset = load_data(cell.dataset, cell.dataset_options)
    if dataset.revision != cell.data_revision:
        raise UserError(f"the data of '{cell.dataset}' changed since the cell was planned; run the suite again")
    # unit root mean square, but no centring: the black around an image, the padding of convolutions and the empty
    # corners of a rotated image stay one and the same zero
    scale = 1 / dataset.rms

    def on_device(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return images.to(device).float().mul_(scale), labels.to(device)

    train = training_set(dataset, cell.train_size, cell.seed)
    test = dataset.test.take(torch.arange(len(dataset.test))[: cell.measure.test_images])
    inputs = cell_inputs(
        cell,
        on_device(train.images, train.labels),
        on_device(dataset.validation.images, dataset.validation.labels),
        on_device(test.images, test.labels),
    )
    shape, entry = shape_of(dataset), families[cell.family]
    began = clock(device)  # now that everything is imported, loaded and on the device
    options = entry.options.model_validate(cell.family_options)
    architecture = cell.architecture or resolve(entry, options, shape, cell.width, cell.match)
    network = build(entry, architecture.options, shape, architecture.width, derive(cell.seed, "initialisation"))
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, inputs, architecture, clock(device) - began


def _scores(
    network: nn.Module,
    inputs: CellInputs,
    own_validation: tuple[Tensor, Tensor],
    transformed_validation: tuple[Tensor, Tensor],
    crop: Crop,
) -> dict[str, float | str | None]:
    upright, transformed = score(network, *inputs.upright), score(network, *inputs.transformed)
    resampled = upright if inputs.resampled is inputs.upright else score(network, *inputs.resampled)
    validated = score(network, *own_validation)
    images, labels = inputs.validation
    return {
        "test_accuracy": upright.accuracy,
        "test_nll": upright.nll,
        "transformed_accuracy": transformed.accuracy,
        "transformed_nll": transformed.nll,
        "exact_accuracy": score(network, *inputs.exact).accuracy if inputs.exact else None,
        "resampled_accuracy": resampled.accuracy,
        "validation_accuracy": validated.accuracy,
        "validation_nll": validated.nll,
        "upright_validation_accuracy": score(network, cropped(images, crop), labels).accuracy,
        "transformed_validation_accuracy": score(network, *transformed_validation).accuracy,
        "test_right": pack(upright.right.numpy(force=True)),
        # of an image that is moved several times, the first
        "transformed_right": pack(transformed.right[: len(upright.right)].numpy(force=True)),
        **_chance(inputs.upright[1]),
    }


def _chance(labels: Tensor) -> dict[str, float]:
    """Return what the test is to be held against: how many inputs it has, and the share of the largest class."""
    return {"test_size": len(labels), "chance_accuracy": float(labels.bincount().max()) / len(labels)}


def _measure(
    cell: Cell, network: Network, inputs: CellInputs, stage: Stage, run: dict[str, Any], errors: list[dict[str, Any]]
) -> None:
    """Add what the registered measurements that the cell asks for find at a stage."""
    given = Inputs(stage, inputs.upright, inputs.transformed, parse(cell.augmentation_group).orthogonal)
    for chosen in cell.measure.chosen:
        entry = measurements[chosen.name]
        if stage == "init" and not entry.at_init:
            continue
        try:
            found = entry.make(entry.options.model_validate(chosen.options), network, given)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise RuntimeError(f"the measurement '{chosen.name}' failed: {one_line(error)}") from error
        if taken := run.keys() & found.run.keys():
            raise RuntimeError(f"the measurement '{chosen.name}' returns the column '{min(taken)}', which is taken")
        run |= found.run
        errors += [{"stage": stage, **row} for row in found.rows]


def _seconds_to_target(cell: Cell, curve: list[dict[str, Any]]) -> float | None:
    target = cell.measure.target_accuracy
    if target is None:
        return None
    return next((row["seconds"] for row in curve if row["validation_accuracy"] >= target), None)


@lru_cache(maxsize=1)
def _commit() -> str | None:
    """Return the commit that the code runs from, read from the repository's files: starting git takes too long."""
    git = Path(bench.__file__).parent.parent / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        branch = head.removeprefix("ref: ")
        if (git / branch).is_file():
            head = (git / branch).read_text()
        elif branch != head:  # `git gc` packs the branches into one file
            head = next(row for row in (git / "packed-refs").read_text().splitlines() if row.endswith(f" {branch}"))
        return head[:12]
    except (OSError, StopIteration):
        return None
