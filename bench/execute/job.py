"""The one way to run a cell: data, augmentation, network, training, measurement, record."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

import bench
from bench.cell import Cell
from bench.errors import one_line
from bench.execute.data import load_data
from bench.execute.inputs import all_moves, moved, own_moves
from bench.execute.prepare import prepared, trainee_of
from bench.execute.provenance import provenance, settings
from bench.execute.scoring import measure, scores, seconds_to_target
from bench.execute.settle import settle
from bench.fitness import retire
from bench.measure import peak_memory, score
from bench.networks.network import Network
from bench.networks.size import count_training_flops
from bench.results.store import Record
from bench.tasks import task_of
from bench.train import Fit, Snapshots, Trainee, fit, fit_together, precision

#: The share of its seconds in which a training that is called exclusive had a processor.
EXCLUSIVE = 0.95


def run_cells(cells: Sequence[Cell], device: str, timing: str, snapshots: Path | None = None) -> list[Record]:
    """Train and measure cells, together if there are several; what goes wrong is in their records, never raised.

    Where they have too little memory together, they are run one by one. ``snapshots`` is the folder in
    which trainings that take long are written down on their way, and from which they go on.
    """
    if len(cells) > 1:
        try:
            return _run_together(cells, torch.device(device), snapshots)
        except Exception as error:
            if _of_device(error):
                retire(one_line(error))
                raise
            print(f"run one by one, because together: {one_line(error)}", file=sys.stderr)
    return [run_cell(cell, device, timing, snapshots) for cell in cells]


def run_cell(cell: Cell, device: str, timing: str, snapshots: Path | None = None) -> Record:
    """Train and measure one cell; what goes wrong is in the record's status and reason, never raised."""
    job = _Job(cell, torch.device(device))
    try:
        settle(job.device)
        job.prepare()
        kept = _snapshots([cell], job.device, snapshots)
        job.finish(fit(job.trainee, job.validate, kept))
        if kept:
            kept.remove()
    except torch.OutOfMemoryError as error:
        job.run |= {"status": "oom", "reason": one_line(error)}
    except Exception as error:
        if _of_device(error):
            retire(one_line(error))
        last = traceback.extract_tb(error.__traceback__)[-1]
        # torch has no exception of its own for the host's memory, only the name of its allocator
        full = isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)
        reason = f"{one_line(error)} ({Path(last.filename).name}:{last.lineno})"
        job.run |= {"status": "oom" if full else "failed", "reason": reason}
    return job.record(timing)


def _run_together(cells: Sequence[Cell], device: torch.device, snapshots: Path | None) -> list[Record]:
    """Train and measure cells side by side; their seconds are of sharing the device with one another."""
    settle(device)
    jobs = [_Job(cell, device) for cell in cells]
    for job in jobs:
        job.prepare()
    validates = [job.validate for job in jobs]
    kept = _snapshots(cells, device, snapshots)
    fits = fit_together([job.trainee for job in jobs], validates, kept)
    for job, result in zip(jobs, fits, strict=True):
        job.finish(result)
        job.run |= {"together": len(jobs), "peak_memory_bytes": None}  # which is of all of them
    if kept:
        kept.remove()
    return [job.record("shared") for job in jobs]


def _of_device(error: Exception) -> bool:
    """Whether an error is one of the GPU itself, after which nothing in this process can use it."""
    # releases of torch before 2.8 have no type for it
    kind = getattr(torch, "AcceleratorError", ())
    return isinstance(error, kind) or "CUDA error" in str(error)


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


class _Job:
    """A cell on its way to a record."""

    network: Network
    trainee: Trainee

    def __init__(self, cell: Cell, device: torch.device) -> None:
        self.cell, self.device = cell, device
        self._began = time.perf_counter()
        self.run: dict[str, Any] = {"status": "done", "reason": None, **settings(cell, device)}
        self.curve: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []

    def prepare(self) -> None:
        """Build the network, measure it, and put together what it is trained on."""
        cell = self.cell
        self.network, self._inputs, architecture, built = prepared(cell, self.device)
        self.run |= {
            "build_seconds": built,
            "width": architecture.width,
            "parameters": architecture.parameters,
            "flops_per_example": architecture.flops,
            "training_flops_per_example": count_training_flops(
                self.network, load_data(cell.dataset, cell.dataset_options).shape, cell.budget.batch_size
            ),
        }
        measure(cell, self.network, self._inputs, "init", self.run, self.errors)
        # validation inputs moved as the cell trains, and moved by the whole group: the same for every strength
        shape = load_data(cell.dataset, cell.dataset_options).shape
        self._task = task_of(shape)
        self._everywhere = all_moves(cell, shape)
        self._own = moved(self._inputs.validation, own_moves(cell, shape))
        self._whole = self._own if cell.strength == 1 else moved(self._inputs.validation, self._everywhere)
        self.trainee = trainee_of(cell, self.network, self._inputs)

    def validate(self, model: nn.Module) -> tuple[float, float, float]:
        own = score(model, *self._own, self._task)
        whole = own if self._whole is self._own else score(model, *self._whole, self._task)
        return own.score, own.loss, whole.score

    def finish(self, result: Fit) -> None:
        """Score and measure the network that training left."""
        self.curve += result.curve
        self._began -= result.earlier_seconds
        self.run |= {
            "steps": result.steps,
            "launch": result.launch,
            "together": 1,
            "train_seconds": result.seconds,
            "cpu_share": result.cpu_seconds / result.seconds,
            "examples_per_second": result.steps * self.cell.budget.batch_size / result.seconds,
            "seconds_to_target": seconds_to_target(self.cell, result.curve),
        }
        if result.diverged_at is not None:
            reason = f"the loss was not finite at step {result.diverged_at}"
            self.run |= {"status": "diverged", "reason": reason}
            return
        found, answers = scores(self.network, self._inputs, self._own, self._whole, self._everywhere, self._task)
        self.run |= found
        measure(self.cell, self.network, self._inputs, "trained", self.run, self.errors, answers)
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
