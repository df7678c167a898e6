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


def resampled(values: Tensor, matrices: Tensor, offsets: Tensor, resampling: Resampling) -> Tensor:
    """Return prefiltered images (B, C, S, S), each read at points of its own; zero outside.

    The pixel at p from the image's centre is read at ``matrices[b] p + offsets[b]``, with (B, 2, 2) and (B, 2) in
    pixels, x pointing right and y down.
    """
    points = _points(matrices, offsets, values.shape[-1])
    return _spline(values, points) if resampling == "spline" else _bilinear(values, points)


@lru_cache(maxsize=32)
def _inverse_sampling(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the inverse of tridiag(1, 4, 1) / 6, (S, S): symmetric, so that it serves rows and columns."""
    ones = torch.ones(size, dtype=torch.float64)
    sampling = (4 * ones.diag() + ones[1:].diag(1) + ones[1:].diag(-1)) / 6
    inverse: Tensor = torch.linalg.inv(sampling)
    return inverse.to(device=device, dtype=dtype)


def _points(matrices: Tensor, offsets: Tensor, size: int) -> Tensor:
    """Return where each pixel is read (B, 2, S, S), x and y in pixels from the centre of the first one."""
    middle = (size - 1) / 2
    along = torch.arange(size, dtype=matrices.dtype, device=matrices.device) - middle
    columns, rows = matrices[:, :, :1] * along, matrices[:, :, 1:] * along + (offsets[:, :, None] + middle)
    return columns[:, :, None, :] + rows[:, :, :, None]


def _spline(coefficients: Tensor, points: Tensor) -> Tensor:
    """Sum the 16 taps of each point as four bilinear samples; written for few passes over the points."""
    count, channels, size, _ = coefficients.shape
    first = points.floor()
    t = points - first
    squared = t * t
    cubed = squared * t
    # the four weights in a row are those of the pixels first - 1 to first + 2; ``near`` is the sum of the first two
    second = cubed.mul(0.5).sub_(squared).add_(2 / 3)
    near = (t + squared).mul_(-0.5).add_(cubed, alpha=1 / 3).add_(5 / 6)
    # in the units of grid_sample: a pixel is 2 / S wide, and the centre of the first one lies at 1 / S - 1
    first = first * (2 / size) + (1 / size - 1)
    low = torch.addcdiv(first - 2 / size, second, near, value=2 / size)
    high = torch.addcdiv(first + 2 / size, cubed.mul_(1 / 6), 1 - near, value=2 / size)
    # (B, low or high in y, low or high in x, S, S, x and y)
    grid = points.new_empty(count, 2, 2, size, size, 2)
    grid[:, :, 0, ..., 0], grid[:, :, 1, ..., 0] = low[:, None, 0], high[:, None, 0]
    grid[:, 0, ..., 1], grid[:, 1, ..., 1] = low[:, None, 1], high[:, None, 1]
    taps = _sampled(coefficients, grid.view(count, 4 * size, size, 2)).view(count, channels, 2, 2, size, size)
    rows = torch.lerp(taps[:, :, :, 1], taps[:, :, :, 0], near[:, None, None, 0])
    return torch.lerp(rows[:, :, 1], rows[:, :, 0], near[:, None, 1])


def _bilinear(images: Tensor, points: Tensor) -> Tensor:
    size = images.shape[-1]
    return _sampled(images, (points * (2 / size) + (1 / size - 1)).movedim(1, -1))


def _sampled(values: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(values, grid.to(values.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)
