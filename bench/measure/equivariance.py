"""The equivariance error, end to end and per layer, with the floor that resampling alone costs.

For a map F with actions T on inputs and T' on outputs, at a group element g, the mean over inputs x of
||F(T_g x) - T'_g F(x)|| / ||T'_g F(x)||, in the norm of the law: on the plane that of the largest centred disc, on
the sphere by area. The floor is that of T'_g^-1 T'_g F(x) and F(x).
Both move by the cubic B-spline, whatever the network was trained on (version 1 of the metric moved bilinearly).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bench.axes import Distinct
from bench.canonical import Since
from bench.cell import Count
from bench.geometry import Law, on_support
from bench.groups.protocol import AnyElement
from bench.measure.inputs import Inputs, Measured
from bench.networks.network import Network
from bench.registry import Options, measurements
from bench.tasks import CLASSIFICATION, Task

METRIC = "relative l2"
#: What it is called where the law of the inputs leaves points out, as the plane's does off its largest disc.
METRIC_ON_SUPPORT = "relative l2 on the centred disc"
METRIC_VERSION = 2

_BATCH = 64


class EquivarianceOptions(Options):
    """Where the error is measured."""

    angles: Annotated[tuple[float, ...], Distinct()] = Field(
        (45.0, 90.0), min_length=1, description="rotations in degrees"
    )
    samples: Count = Field(128, description="test inputs")
    rapidities: Annotated[tuple[float, ...], Since(2), Distinct()] = Field(
        (0.5, 1.0, 2.0), min_length=1, description="boosts, where the group has them"
    )


@measurements.register("equivariance", options=EquivarianceOptions, version=2, at_init=True, by_default=True)
def measure(options: EquivarianceOptions, network: Network, inputs: Inputs) -> Measured:
    """Equivariance error at rotations (and the mirror, where the group has it), per layer and end to end."""
    elements = inputs.group.probes({"rotation": options.angles, "boost": options.rapidities})
    examples = inputs.upright[0][: options.samples]
    rows = equivariance_error(network, examples, elements, inputs.task)
    if inputs.stage == "init":
        return Measured(rows=rows)
    seen = on_support(examples, network.laws["input"])
    floors = {
        f"equivariance_floor_{name}": float(np.mean([float(_floor(seen, g, law).mean()) for g in elements]))
        for name, law in inputs.otherwise.items()
    }
    return Measured({**_summary(rows), **floors}, rows)


@torch.no_grad()
def equivariance_error(
    network: Network, inputs: Tensor, elements: Sequence[AnyElement], task: Task = CLASSIFICATION
) -> list[dict[str, Any]]:
    """Return one row per element and layer: error (mean, maximum over inputs), floor, and for outputs invariance rate.

    Inputs (N, channels, *points) are taken on the support of their law, so that nothing is moved out. The layer
    ``input`` has no error of its own and tells what resampling the input costs. A layer on which an element does not
    act (30 degrees on regular fields of C4) has no row. In float32, whatever the network was trained in.
    """
    network.eval()
    sums: dict[tuple[AnyElement, str], list[Tensor]] = {}
    for batch in on_support(inputs, network.laws["input"]).split(_BATCH):
        before = {"input": batch, **dict(network.trace(batch))}
        for g in elements:
            for layer, values in _errors(network, before, g, task):
                sums.setdefault((g, layer), []).append(values)
    weights = network.laws["input"].weights(inputs)
    metric = METRIC if weights is None or bool((weights != 0).all()) else METRIC_ON_SUPPORT
    return [{**_row(g, layer, torch.cat(parts, 1)), "metric": metric} for (g, layer), parts in sums.items()]


def _errors(network: Network, before: dict[str, Tensor], g: AnyElement, task: Task) -> Iterator[tuple[str, Tensor]]:
    """Yield for each layer, inputs first, error, floor and whether the answer was kept (NaN: it has none): (3, B)."""
    law = network.laws["input"]
    moved = law.act(before["input"], g)
    kept = torch.ones(len(moved), device=moved.device, dtype=moved.dtype)
    yield "input", torch.stack([_relative(moved, moved, law), _floor(before["input"], g, law), kept])
    for layer, after in network.trace(moved):
        law = network.laws[layer]
        try:
            expected, floor = law.act(before[layer], g), _floor(before[layer], g, law)
        except ValueError:
            continue
        if layer == "output":
            agreed = task.agree(expected, after)
            kept = torch.full_like(kept, torch.nan) if agreed is None else agreed.to(moved.dtype)
        yield layer, torch.stack([_relative(after, expected, law), floor, kept])


def _row(g: AnyElement, layer: str, values: Tensor) -> dict[str, Any]:
    errors, floors, kept = values
    return {
        "layer": layer,
        "element": str(g),
        "kind": g.kind,
        "magnitude": g.magnitude,
        "unit": g.unit,
        "error": float(errors.mean()),
        "error_max": float(errors.max()),
        "floor": float(floors.mean()),
        "invariance_rate": float(kept.mean()) if layer == "output" and bool(kept.isfinite().all()) else None,
        "samples": values.shape[1],
        "metric_version": METRIC_VERSION,
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the end-to-end figures over the elements, and the floor of resampling the input."""
    ends = [row for row in rows if row["layer"] == "output"]
    rates = [row["invariance_rate"] for row in ends]
    return {
        "equivariance_error_mean": float(np.mean([row["error"] for row in ends])),
        "equivariance_error_max": max(row["error"] for row in ends),
        "equivariance_floor": float(np.mean([row["floor"] for row in rows if row["layer"] == "input"])),
        **({"invariance_rate": float(np.mean(rates))} if None not in rates else {}),
    }


def _floor(features: Tensor, g: AnyElement, law: Law) -> Tensor:
    return _relative(law.act(law.act(features, g), ~g), features, law)


def _relative(features: Tensor, expected: Tensor, law: Law) -> Tensor:
    """Return ||found - expected|| / ||expected|| of each sample (B,), in the norm of the law's weights."""
    weights = law.weights(features)
    if weights is not None:
        features, expected = features * weights.sqrt(), expected * weights.sqrt()
    distance = (features - expected).flatten(1).norm(dim=1)
    scale = expected.flatten(1).norm(dim=1)
    # two features that are both zero agree; a difference from zero has no finite relative size
    return torch.where(distance == 0, torch.zeros_like(distance), distance / scale)
