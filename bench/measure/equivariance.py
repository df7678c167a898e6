"""The equivariance error, end to end and per layer, with the floor that resampling alone costs.

For a map F with actions T on inputs and T' on outputs, at a group element g, the mean over inputs x of
||F(T_g x) - T'_g F(x)|| / ||T'_g F(x)||, on the largest centred disc. The floor is that of T'_g^-1 T'_g F(x) and F(x).
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
from bench.cell import Count
from bench.groups import Element, act, centred_disc
from bench.measure.inputs import Inputs, Measured
from bench.models.network import Law, Network
from bench.registry import Options, measurements

METRIC = "relative l2 on the centred disc"
METRIC_VERSION = 2

_BATCH = 64


class EquivarianceOptions(Options):
    """Where the error is measured."""

    angles: Annotated[tuple[float, ...], Distinct()] = Field(
        (45.0, 90.0), min_length=1, description="rotations in degrees"
    )
    samples: Count = Field(128, description="test images")


@measurements.register("equivariance", options=EquivarianceOptions, version=2, at_init=True, by_default=True)
def measure(options: EquivarianceOptions, network: Network, inputs: Inputs) -> Measured:
    """Equivariance error at rotations (and the mirror, where the group has it), per layer and end to end."""
    elements = [Element.rotation(angle) for angle in options.angles]
    if inputs.group.mirrors:
        elements.append(Element(mirror=True))
    images = inputs.upright[0][: options.samples]
    rows = equivariance_error(network, images, elements)
    if inputs.stage == "init":
        return Measured(rows=rows)
    on_disc = images * centred_disc(images)
    bilinear = float(np.mean([float(_floor(on_disc, g, _bilinearly).mean()) for g in elements]))
    return Measured({**_summary(rows), "equivariance_floor_bilinear": bilinear}, rows)


@torch.no_grad()
def equivariance_error(network: Network, images: Tensor, elements: Sequence[Element]) -> list[dict[str, Any]]:
    """Return one row per element and layer: error (mean, maximum over inputs), floor, and for logits invariance rate.

    Images (N, C, S, S) are taken on their centred disc, so that nothing is moved out. The layer ``input`` has no
    error of its own and tells what resampling the image costs. A layer on which an element does not act (30 degrees on
    regular fields of C4) has no row. In float32, whatever the network was trained in.
    """
    network.eval()
    on_disc = images * centred_disc(images)
    sums: dict[tuple[Element, str], list[Tensor]] = {}
    for batch in on_disc.split(_BATCH):
        before = dict(network.trace(batch))
        for g in elements:
            for layer, values in _errors(network, batch, before, g):
                sums.setdefault((g, layer), []).append(values)
    return [_row(g, layer, torch.cat(parts, 1)) for (g, layer), parts in sums.items()]


def _errors(network: Network, images: Tensor, before: dict[str, Tensor], g: Element) -> Iterator[tuple[str, Tensor]]:
    """Yield for each layer, inputs first, the rows error, floor, kept its prediction: (3, B)."""
    moved = act(images, g)
    kept = torch.ones(len(images), device=images.device, dtype=images.dtype)
    yield "input", torch.stack([_relative(moved, moved), _floor(images, g, act), kept])
    for layer, after in network.trace(moved):
        law = network.laws[layer]
        try:
            expected, floor = law(before[layer], g), _floor(before[layer], g, law)
        except ValueError:
            continue
        if layer == "output":
            kept = (before[layer].argmax(1) == after.argmax(1)).to(images.dtype)
        yield layer, torch.stack([_relative(after, expected), floor, kept])


def _row(g: Element, layer: str, values: Tensor) -> dict[str, Any]:
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
        "invariance_rate": float(kept.mean()) if layer == "output" else None,
        "samples": values.shape[1],
        "metric": METRIC,
        "metric_version": METRIC_VERSION,
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the end-to-end figures over the elements, and the floor of resampling the input."""
    ends = [row for row in rows if row["layer"] == "output"]
    return {
        "equivariance_error_mean": float(np.mean([row["error"] for row in ends])),
        "equivariance_error_max": max(row["error"] for row in ends),
        "equivariance_floor": float(np.mean([row["floor"] for row in rows if row["layer"] == "input"])),
        "invariance_rate": float(np.mean([row["invariance_rate"] for row in ends])),
    }


def _bilinearly(images: Tensor, g: Element) -> Tensor:
    return act(images, g, "bilinear")


def _floor(features: Tensor, g: Element, law: Law) -> Tensor:
    return _relative(law(law(features, g), ~g), features)


def _relative(found: Tensor, expected: Tensor) -> Tensor:
    """Return ||found - expected|| / ||expected|| of each sample (B,), maps on their centred disc."""
    if found.dim() == 4:
        mask = centred_disc(found)
        found, expected = found * mask, expected * mask
    distance = (found - expected).flatten(1).norm(dim=1)
    scale = expected.flatten(1).norm(dim=1)
    # two features that are both zero agree; a difference from zero has no finite relative size
    return torch.where(distance == 0, torch.zeros_like(distance), distance / scale)
