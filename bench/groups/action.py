"""The action on images.

``(T_g f)(x) = f(g^-1 x)`` about the image's centre, zero outside. Multiples of 90 degrees and mirrors permute pixels by
index and are exact; any other angle is one resampling.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from bench.groups.group import Element
from bench.groups.resampling import Resampling, centred_disc, prefiltered, resampled


def act(images: Tensor, g: Element, resampling: Resampling = "spline") -> Tensor:
    """Return the square images (..., C, S, S) moved by one element, the same for all of them."""
    moved = images.flip(-1) if g.mirror else images
    quarters = round(g.turn * 4)
    moved = torch.rot90(moved, quarters, (-2, -1))
    residual = float(g.turn * 4 - quarters) / 4
    if residual == 0.0:
        return moved
    flat = moved.reshape(-1, *moved.shape[-3:])
    turns = torch.full((len(flat),), residual, dtype=images.dtype, device=images.device)
    return transform(flat, turns, torch.zeros_like(turns, dtype=torch.bool), resampling).reshape(images.shape)


def transform(images: Tensor, turns: Tensor, mirrors: Tensor, resampling: Resampling | None = "spline") -> Tensor:
    """Return the square images (B, C, S, S), each moved by its own element.

    ``turns`` (B,) are shares of a full circle, ``mirrors`` (B,) booleans. ``resampling`` None promises that every turn
    is a multiple of 1/4, and is exact; otherwise those are exact up to rounding. No step depends on the values, so that
    nothing waits for the device.
    """
    values = images if resampling is None else prefiltered(images, resampling)
    return transform_prefiltered(values, turns, mirrors, resampling)


def transform_prefiltered(
    values: Tensor, turns: Tensor, mirrors: Tensor, resampling: Resampling | None, on_disc: bool = False
) -> Tensor:
    """Return the images of ``values`` (B, C, S, S), which `prefiltered` gave, as `transform` moves them.

    ``on_disc`` leaves the pixels off the centred disc zero.
    """
    if resampling is None:
        moved = _permuted(values, torch.round(turns * 4).long(), mirrors)
        return moved * centred_disc(moved) if on_disc else moved
    angles = 2 * math.pi * turns.to(values.dtype)
    c, s = angles.cos(), angles.sin()
    flip = 1 - 2 * mirrors.to(values.dtype)
    # the points that are read are g^-1 x = M^mirror R^-1 x, in a frame whose y points down
    inverse = torch.stack([torch.stack([flip * c, -flip * s], -1), torch.stack([s, c], -1)], 1)
    return resampled(values, inverse, torch.zeros_like(inverse[:, 0]), resampling, on_disc)


def shifted(images: Tensor, offsets: Tensor, resampling: Resampling) -> Tensor:
    """Return images (B, C, S, S), each moved by its own ``offsets`` (B, 2) in pixels, to the right and down."""
    still = torch.eye(2, dtype=images.dtype, device=images.device).expand(len(images), 2, 2)
    return resampled(prefiltered(images, resampling), still, -offsets.to(images.dtype), resampling)


def _permuted(images: Tensor, quarters: Tensor, mirrors: Tensor) -> Tensor:
    index = _grid_symmetries(images.shape[-1], images.device)[mirrors.long() * 4 + quarters % 4]
    flat = images.flatten(2)
    return flat.gather(2, index[:, None].expand_as(flat)).view(images.shape)


@lru_cache(maxsize=32)
def _grid_symmetries(size: int, device: torch.device) -> Tensor:
    """Return (8, S * S): for each mirror and quarter turn, the pixel that each pixel is read from."""
    pixels = torch.arange(size * size, device=device).view(size, size)
    return torch.stack(
        [torch.rot90(p, k, (0, 1)).reshape(-1) for p in (pixels, pixels.flip(-1)) for k in range(4)],
    )
