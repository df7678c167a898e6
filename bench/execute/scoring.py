"""What a network that is trained is scored and measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bench.bits import pack
from bench.cell import Cell
from bench.errors import one_line
from bench.execute.data import load_data
from bench.execute.inputs import CellInputs, Examples
from bench.geometry import Augmentation, domain
from bench.heartbeat import passes
from bench.measure import Inputs, Stage, score
from bench.networks.network import Network
from bench.registry import measurements
from bench.scores import SCORES
from bench.tasks import Task, task_of


def scores(
    network: nn.Module,
    inputs: CellInputs,
    own_validation: Examples,
    transformed_validation: Examples,
    everywhere: Augmentation,
    task: Task,
) -> tuple[dict[str, float | str | None], dict[str, Tensor]]:
    """Return the columns that say how good a trained network is, on test and validation examples, and its answers.

    Answers to the upright and to the transformed test inputs, by name, where they are not too large to be kept.
    """
    still = everywhere.still(*inputs.validation)
    several = inputs.upright, inputs.transformed, inputs.resampled, inputs.exact, own_validation, transformed_validation
    scored = {id(each): each for each in (*several, still) if each}
    with passes(network, "scoring", sum(len(targets) for _, targets in scored.values())):
        upright, transformed = score(network, *inputs.upright, task), score(network, *inputs.transformed, task)
        resampled = upright if inputs.resampled is inputs.upright else score(network, *inputs.resampled, task)
        exact = score(network, *inputs.exact, task).score if inputs.exact else None
        validated = score(network, *own_validation, task)
        upright_validated = score(network, *still, task)
        is_own = transformed_validation is own_validation
        transformed_validated = validated if is_own else score(network, *transformed_validation, task)
    columns: dict[str, float | str | None] = {
        "test_score": upright.score,
        "test_loss": upright.loss,
        "transformed_score": transformed.score,
        "transformed_loss": transformed.loss,
        "exact_score": exact,
        "resampled_score": resampled.score,
        "validation_score": validated.score,
        "validation_loss": validated.loss,
        "upright_validation_score": upright_validated.score,
        "transformed_validation_score": transformed_validated.score,
        "test_right": _packed(upright.right),
        # of an input that is moved several times, the first
        "transformed_right": _packed(
            None if transformed.right is None else transformed.right[: len(inputs.upright[1])]
        ),
        "test_size": len(inputs.upright[1]),
        "chance_score": task.constant(inputs.upright[1]),
    }
    outputs = {"upright": upright.outputs, "transformed": transformed.outputs}
    return columns, {name: each for name, each in outputs.items() if each is not None}


def _packed(right: Tensor | None) -> str | None:
    return None if right is None else pack(right.numpy(force=True))


def measure(
    cell: Cell,
    network: Network,
    inputs: CellInputs,
    stage: Stage,
    run: dict[str, Any],
    errors: list[dict[str, Any]],
    scored: Mapping[str, Tensor] | None = None,
) -> None:
    """Add what the registered measurements that the cell asks for find at a stage; ``scored`` as in `Inputs`."""
    shape, of = load_data(cell.dataset, cell.dataset_options).shape, domain(cell.domain)
    otherwise = {name: of.law(shape, name) for name in of.resamplings[1:]}
    group = of.group(cell.augmentation_group)
    given = Inputs(stage, inputs.upright, inputs.transformed, group, task_of(shape), otherwise, scored or {})
    for chosen in cell.measure.chosen:
        entry = measurements[chosen.name]
        if stage == "init" and not entry.at_init:
            continue
        try:
            with passes(network, f"measuring {chosen.name}"):
                measured = entry.make(entry.options.model_validate(chosen.options), network, given)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise RuntimeError(f"the measurement '{chosen.name}' failed: {one_line(error)}") from error
        if taken := run.keys() & measured.run.keys():
            raise RuntimeError(f"the measurement '{chosen.name}' returns the column '{min(taken)}', which is taken")
        run |= measured.run
        errors += [{"stage": stage, **row} for row in measured.rows]


def seconds_to_target(cell: Cell, curve: list[dict[str, Any]]) -> float | None:
    """Return the seconds of training at the first evaluation that reaches the score that the cell asks for."""
    target = cell.measure.target_score
    if target is None:
        return None
    good = SCORES[cell.score].scaled
    return next((row["seconds"] for row in curve if good(row["validation_score"]) >= good(target)), None)
