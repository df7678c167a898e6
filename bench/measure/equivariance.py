"""The equivariance error, end to end and per layer, with the floor that resampling alone costs.

For a map F with actions T on inputs and T' on outputs, at a group element g, the mean over inputs x of
||F(T_g x) - T'_g F(x)|| / ||T'_g F(x)||, on the largest centred disc. The floor is that of T'_g^-1 T'_g F(x) and F(x).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bench.groups import Element, act
from bench.models.network import Network

METRIC = "relative l2 on the centred disc"
METRIC_VERSION = 1

_BATCH = 64


@torch.no_grad()
def equivariance_error(network: Network, images: Tensor, elements: Sequence[Element]) -> list[dict[str, Any]]:
    """Return one row per element and layer: error (mean, maximum over inputs), floor, and for logits invariance rate.

    Images (N, C, S, S) are taken on their centred disc, so that moving them loses nothing. The layer ``input`` has no
    error of its own and tells what resampling the image costs. A layer on which an element does not act (30 degrees on
    regular fields of C4) has no row. In float32, whatever the network was trained in.
    """
    network.eval()
    on_disc = images * centred_disc(images)
    rows = []
    for g in elements:
        sums: dict[str, list[Tensor]] = {}
        for batch in on_disc.split(_BATCH):
            for layer, values in _errors(network, batch, g):
                sums.setdefault(layer, []).append(values)
        for layer, parts in sums.items():
            errors, floors, kept = torch.cat(parts, 1)
            rows.append(
                {
                    "layer": layer,
                    "element": str(g),
                    "degrees": float(g.turn * 360),
                    "mirror": g.mirror,
                    "error": float(errors.mean()),
                    "error_max": float(errors.max()),
                    "floor": float(floors.mean()),
                    "invariance_rate": float(kept.mean()) if layer == "output" else None,
                    "samples": len(images),
                    "metric": METRIC,
                    "metric_version": METRIC_VERSION,
                }
            )
    return rows


def centred_disc(features: Tensor) -> Tensor:
    """Return the mask (S, S) of the largest centred disc of square maps (..., S, S)."""
    size = features.shape[-1]
    offset = torch.arange(size, device=features.device) - (size - 1) / 2
    return (offset[:, None] ** 2 + offset**2 <= (size / 2) ** 2).to(features.dtype)


def _errors(network: Network, images: Tensor, g: Element) -> list[tuple[str, Tensor]]:
    """Return for each layer, inputs first, the rows error, floor, kept its prediction: (3, B)."""
    moved_images = act(images, g)
    found = [("input", torch.stack([_relative(moved_images, moved_images), _floor(images, g, act), _ones(images)]))]
    for (layer, before), (_, after) in zip(network.trace(images), network.trace(moved_images), strict=True):
        law = network.laws[layer]
        try:
            expected = law(before, g)
            floor = _floor(before, g, law)
        except ValueError:
            continue
        kept = (before.flatten(1).argmax(1) == after.flatten(1).argmax(1)).to(before.dtype)
        found.append((layer, torch.stack([_relative(after, expected), floor, kept])))
    return found


def _floor(features: Tensor, g: Element, law: Any) -> Tensor:
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


def _ones(images: Tensor) -> Tensor:
    return torch.ones(len(images), device=images.device, dtype=images.dtype)
