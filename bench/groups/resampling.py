"""Interpolation between pixels: the cubic B-spline with its exact prefilter, and bilinear for comparison.

Rotating pixels by an angle off the grid is a rotation *and* an interpolation, and what the interpolation costs is no
broken symmetry: bilinear samples blur, so much that classes which live on fine detail are lost. The cubic B-spline
(Unser 1999) has a passband that is nearly flat and keeps them.

An image is ``sum over pixels k of c[k] beta(x - k)``, with beta the cubic B-spline. The coefficients c are those that
give the image back at every pixel and are zero off the grid, so that the image ends within two pixels of its border:
``tridiag(1, 4, 1) / 6 c = f`` along each axis, solved exactly. That is linear, and commutes with what permutes the
pixels of a square (mirrors, quarter turns), so that one prefilter of a data set serves all of its moves. The 16 taps of
a sample are four bilinear samples of the coefficients at shifted points (Sigg & Hadwiger 2005, GPU Gems 2, chapter 20),
which every device has a fast kernel for.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Resampling = Literal["spline", "bilinear"]


def prefiltered(images: Tensor, resampling: Resampling) -> Tensor:
    """Return what `resampled` interpolates between: spline coefficients of images (..., S, S), or the images."""
    if resampling == "bilinear":
        return images
    inverse = _inverse_sampling(images.shape[-1], images.dtype, images.device)
    return inverse @ images @ inverse


def resampled(
    values: Tensor, matrices: Tensor, offsets: Tensor, resampling: Resampling, on_disc: bool = False
) -> Tensor:
    """Return prefiltered images (B, C, S, S), each read at points of its own; zero outside.

    The pixel at p from the image's centre is read at ``matrices[b] p + offsets[b]``, with (B, 2, 2) and (B, 2) in
    pixels, x pointing right and y down. ``on_disc`` reads the pixels of the centred disc alone, the others are zero.
    """
    x, y, places = _pixels(values.shape[-1], on_disc, values.dtype, values.device)
    columns, rows = matrices[:, :, :1] * x + (offsets[:, :, None] + (values.shape[-1] - 1) / 2), matrices[:, :, 1:] * y
    return _read(values, columns.add_(rows), places, resampling, on_disc)


def projected(values: Tensor, homographies: Tensor, resampling: Resampling, on_disc: bool = False) -> Tensor:
    """Return prefiltered images (B, C, S, S), each read at points that its homography (B, 3, 3) gives; zero outside.

    Points are from the image's centre, in units of half its size, x pointing right and y up. What is read behind the
    horizon is zero.
    """
    size = values.shape[-1]
    x, y, places = _pixels(size, on_disc, values.dtype, values.device)
    across, upwards, depth = (homographies @ torch.stack([x, -y, torch.full_like(x, size / 2)])).unbind(1)
    seen = depth > 1e-6 * size
    columns = torch.where(seen, across / depth * (size / 2), 4 * size)
    rows = torch.where(seen, -upwards / depth * (size / 2), 4 * size)
    points = torch.stack([columns, rows], 1).clamp_(-4 * size, 4 * size) + (size - 1) / 2
    return _read(values, points, places, resampling, on_disc)


def read(values: Tensor, points: Tensor, resampling: Resampling) -> Tensor:
    """Return prefiltered images (B, C, S, S) at points (B, 2, P) in pixels from the corner: (B, C, P); zero outside.

    The points are used up: what they hold afterwards is anything.
    """
    return _spline(values, points) if resampling == "spline" else _bilinear(values, points)


def _read(values: Tensor, points: Tensor, places: Tensor, resampling: Resampling, on_disc: bool) -> Tensor:
    """Return prefiltered images read at points (B, 2, P) in pixels from the corner, put where ``places`` says."""
    size = values.shape[-1]
    pixels = read(values, points, resampling)
    if on_disc:
        pixels = F.pad(pixels, (0, 1)).index_select(-1, places)
    images: Tensor = pixels.unflatten(-1, (size, size))
    return images


def centred_disc(features: Tensor) -> Tensor:
    """Return the mask (S, S) of the largest centred disc of square maps (..., S, S): what no rotation moves out.

    Other maps are in other coordinates, and all of them is kept.
    """
    if features.shape[-1] != features.shape[-2]:
        return features.new_ones(features.shape[-2:])
    return _disc(features.shape[-1], features.dtype, features.device)


@lru_cache(maxsize=32)
def _disc(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    offset = torch.arange(size) - (size - 1) / 2
    return (offset[:, None] ** 2 + offset**2 <= (size / 2) ** 2).to(dtype=dtype, device=device)


@lru_cache(maxsize=32)
def _pixels(size: int, on_disc: bool, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return x and y (P,) of the pixels that are read, and the place among them (S * S,) of each pixel, P for none.

    Coordinates are from the image's centre.
    """
    kept = _disc(size, dtype, device).flatten().bool() if on_disc else torch.ones(size * size, dtype=torch.bool)
    inside = kept.cpu().nonzero()[:, 0]
    places = torch.full((size * size,), len(inside))
    places[inside] = torch.arange(len(inside))
    offsets = (inside % size - (size - 1) / 2, inside // size - (size - 1) / 2)
    x, y = (offset.to(dtype=dtype, device=device) for offset in offsets)
    return x, y, places.to(device)


@lru_cache(maxsize=32)
def _inverse_sampling(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the inverse of tridiag(1, 4, 1) / 6, (S, S): symmetric, so that it serves rows and columns."""
    ones = torch.ones(size, dtype=torch.float64)
    sampling = (4 * ones.diag() + ones[1:].diag(1) + ones[1:].diag(-1)) / 6
    inverse: Tensor = torch.linalg.inv(sampling)
    return inverse.to(device=device, dtype=dtype)


def _spline(coefficients: Tensor, points: Tensor) -> Tensor:
    """Return the spline's values (B, C, P) at points (B, 2, P) in pixels: 16 taps each, as four bilinear samples.

    Written for few passes over the points, in place where it can be.
    """
    size = coefficients.shape[-1]
    first = points.floor()
    t = points - first
    squared = t * t
    cubed = squared * t
    # the weights in a row are those of the pixels first - 1 to first + 2; ``near`` is the sum of the first two
    second = cubed.mul(0.5).sub_(squared).add_(2 / 3)
    near = t.add_(squared).mul_(-0.5).add_(cubed, alpha=1 / 3).add_(5 / 6)
    pixel = 2 / size  # in the units of grid_sample, in which the centre of the first one lies at pixel / 2 - 1
    before = first.mul_(pixel).add_(-pixel / 2 - 1)
    low = torch.addcdiv(before, second, near, value=pixel)
    high = torch.addcdiv(before.add_(2 * pixel), cubed, 1 - near, value=pixel / 6)
    # the taps (low, low), (high, low), (low, high), (high, high) of each point, as planes of x and of y
    (left, top), (right, bottom) = low.unbind(1), high.unbind(1)
    planes = torch.stack([left, right, left, right, top, top, bottom, bottom], 1).unflatten(1, (2, 4))
    taps = _sampled(coefficients, planes).unflatten(2, (2, 2))
    rows = torch.lerp(taps[:, :, :, 1], taps[:, :, :, 0], near[:, None, None, 0])
    return torch.lerp(rows[:, :, 1], rows[:, :, 0], near[:, None, 1])


def _bilinear(images: Tensor, points: Tensor) -> Tensor:
    pixel = 2 / images.shape[-1]
    return _sampled(images, points.mul_(pixel).add_(pixel / 2 - 1)[:, :, None])[:, :, 0]


def _sampled(values: Tensor, planes: Tensor) -> Tensor:
    """Read values (B, C, S, S) at points given as planes of x and of y (B, 2, H, W), which need not be interleaved."""
    return F.grid_sample(values, planes.movedim(1, -1), mode="bilinear", padding_mode="zeros", align_corners=False)
