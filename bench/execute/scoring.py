"""What a network that is trained is scored and measured on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.augment import Crop, cropped
from bench.bits import pack
from bench.cell import Cell
from bench.errors import one_line
from bench.execute.inputs import CellInputs
from bench.groups import parse
from bench.measure import Inputs, Stage, score
from bench.models.network import Network
from bench.registry import measurements
from bench.scores import SCORES


def scores(
    network: nn.Module,
    inputs: CellInputs,
    own_validation: tuple[Tensor, Tensor],
    transformed_validation: tuple[Tensor, Tensor],
    crop: Crop,
) -> dict[str, float | str | None]:
    """Return the columns that say how good a trained network is, on test and on validation images."""
    upright, transformed = score(network, *inputs.upright), score(network, *inputs.transformed)
    resampled = upright if inputs.resampled is inputs.upright else score(network, *inputs.resampled)
    validated = score(network, *own_validation)
    images, labels = inputs.validation
    return {
        "test_score": upright.accuracy,
        "test_loss": upright.nll,
        "transformed_score": transformed.accuracy,
        "transformed_loss": transformed.nll,
        "exact_score": score(network, *inputs.exact).accuracy if inputs.exact else None,
        "resampled_score": resampled.accuracy,
        "validation_score": validated.accuracy,
        "validation_loss": validated.nll,
        "upright_validation_score": score(network, cropped(images, crop), labels).accuracy,
        "transformed_validation_score": score(network, *transformed_validation).accuracy,
        "test_right": pack(upright.right.numpy(force=True)),
        # of an image that is moved several times, the first
        "transformed_right": pack(transformed.right[: len(upright.right)].numpy(force=True)),
        **_chance(inputs.upright[1]),
    }


def _chance(labels: Tensor) -> dict[str, float]:
    """Return what the test is to be held against: how many inputs it has, and the share of the largest class."""
    return {"test_size": len(labels), "chance_score": float(labels.bincount().max()) / len(labels)}


def measure(
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


def seconds_to_target(cell: Cell, curve: list[dict[str, Any]]) -> float | None:
    """Return the seconds of training at the first evaluation that reaches the score that the cell asks for."""
    target = cell.measure.target_score
    if target is None:
        return None
    good = SCORES[cell.score].scaled
    return next((row["seconds"] for row in curve if good(row["validation_score"]) >= good(target)), None)
