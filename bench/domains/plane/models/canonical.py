"""One-parameter transformations of the plane, and the coordinates in which each is a translation.

The canonical coordinates (u, v) of a transformation T obey u(T_a p) = u(p) + a and v(T_a p) = v(p) (Tai et al. 2019),
so that an image sampled on a grid of (u, v) is moved by T_a as a whole. All transformations are homographies, so a
sequence of them is one matrix. Points are (x, y), y upwards, in units of half the image's size; the windows follow the
released code, but for rotation, which is kept to the largest centred disc.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Axis:
    """A coordinate, sampled evenly at ``count`` points from ``low`` to ``high``; a periodic one leaves ``high`` out."""

    low: float
    high: float
    count: int
    periodic: bool = False

    @property
    def values(self) -> np.ndarray:
        return np.linspace(self.low, self.high, self.count, endpoint=not self.periodic)

    @property
    def step(self) -> float:
        """The distance of neighbouring samples."""
        return (self.high - self.low) / (self.count if self.periodic else self.count - 1)


@dataclass(frozen=True)
class Transformation:
    """A transformation and its canonical coordinates.

    ``axes`` are the rows and columns of the grid and ``points`` (rows, columns, 2) their points; ``poses`` are the
    axes along which T translates, one per parameter; ``matrix`` gives the homographies (B, 3, 3) of parameters (B,).
    """

    axes: tuple[Axis, Axis]
    points: np.ndarray
    poses: tuple[int, ...]
    matrix: Callable[..., Tensor]


def full_turn(count: int) -> Axis:
    """Return the axis of the angle; in a multiple of eight samples a quarter turn is an even number of them."""
    return Axis(-math.pi, math.pi, 8 * math.ceil(count / 8), periodic=True)


def polar(angles: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return the points (angles, radii, 2)."""
    return np.stack([np.outer(np.cos(angles), radii), np.outer(np.sin(angles), radii)], -1)


def mesh(axes: tuple[Axis, Axis]) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of the grid's rows and columns, each (rows, columns)."""
    rows, columns = np.meshgrid(axes[0].values, axes[1].values, indexing="ij")
    return rows, columns


def rows_of(*rows: Sequence[Tensor | float]) -> Tensor:
    """Stack entries, numbers or tensors (B,), to matrices (B, 3, 3)."""
    like = next(entry for row in rows for entry in row if isinstance(entry, Tensor))
    return torch.stack([torch.stack([torch.zeros_like(like) + entry for entry in row], -1) for row in rows], -2)


def similarity(log_scale: Tensor, angle: Tensor) -> Tensor:
    """Return the rotation by ``angle`` (radians) and enlargement by exp(log_scale)."""
    c, s = log_scale.exp() * angle.cos(), log_scale.exp() * angle.sin()
    return rows_of((c, -s, 0), (s, c, 0), (0, 0, 1))


def rotation(size: int, samples: int) -> Transformation:
    """Rotation, in polar coordinates; at least ``samples`` angles."""
    axes = (full_turn(samples), Axis(1 / size, 1 - 1 / size, size // 2))
    return Transformation(axes, polar(axes[0].values, axes[1].values), (0,), lambda a: similarity(a * 0, a))


def _log_polar(size: int, largest: float) -> tuple[tuple[Axis, Axis], np.ndarray]:
    outermost = math.log(2) / 2
    axes = (full_turn(size), Axis(outermost - 2 * math.log(largest), outermost, size))
    return axes, polar(axes[0].values, np.exp(axes[1].values))


def scale(size: int, largest: float) -> Transformation:
    """Scaling, by ``largest`` at most, in log-polar coordinates; the parameter is the logarithm of the factor."""
    axes, points = _log_polar(size, largest)
    return Transformation(axes, points, (1,), lambda a: similarity(a, a * 0))


def rotation_scale(size: int, largest: float) -> Transformation:
    """Rotation and scaling, in log-polar coordinates; the parameters are the angle and the logarithm of the factor."""
    axes, points = _log_polar(size, largest)
    return Transformation(axes, points, (0, 1), lambda angle, log_scale: similarity(log_scale, angle))


def shear_x(size: int, largest: float, samples: int) -> Transformation:
    """Shear (x, y) to (x + a y, y), in coordinates x / y and y."""
    axes = (Axis(-largest, largest, samples), Axis(-1, 1, size))
    slope, y = mesh(axes)
    points = np.stack([slope * y, y], -1)
    return Transformation(axes, points, (0,), lambda a: rows_of((1, a, 0), (0, 1, 0), (0, 0, 1)))


def shear_y(size: int, largest: float, samples: int) -> Transformation:
    """Shear (x, y) to (x, y + a x), in coordinates y / x and x."""
    x_first = shear_x(size, largest, samples)
    points = x_first.points[..., ::-1].copy()
    return Transformation(x_first.axes, points, (0,), lambda a: rows_of((1, 0, 0), (a, 1, 0), (0, 0, 1)))


def aspect(size: int, largest: float, samples: int) -> Transformation:
    """Hyperbolic rotation (x, y) to (x exp(a), y exp(-a)), in log(|x / y|) / 2 and the signed root of |x y|.

    The columns hold the quadrants one after another: where x and y have one sign, then where they differ.
    """
    axes = (Axis(-math.log(largest), math.log(largest), samples), Axis(-(0.5**0.5), 0.5**0.5, size))
    stretch, root = mesh(axes)
    x, y = root * np.exp(stretch), root * np.exp(-stretch)
    points = np.concatenate([np.stack([x, y], -1), np.stack([x, -y], -1)], 1)
    return Transformation(axes, points, (0,), lambda a: rows_of((a.exp(), 0, 0), (0, (-a).exp(), 0), (0, 0, 1)))


def perspective_x(size: int, largest: float, samples: int) -> Transformation:
    """Perspective (x, y) to (x, y) / (1 + a x), in coordinates 1 / x and the angle of y / x.

    The columns hold the right half of the image, 1 / x from 1 on, then the left half, 1 / x up to -1.
    """
    axes = (Axis(1, 1 + 2 * largest, samples), Axis(-0.495 * math.pi, 0.495 * math.pi, size // 2))
    inverse, angle = mesh(axes)
    right = np.stack([1 / inverse, np.tan(angle) / inverse], -1)
    points = np.concatenate([right, -right[::-1]], 1)
    return Transformation(axes, points, (0,), lambda a: rows_of((1, 0, 0), (0, 1, 0), (a, 0, 1)))


def perspective_y(size: int, largest: float, samples: int) -> Transformation:
    """Perspective (x, y) to (x, y) / (1 + a y), in coordinates 1 / y and the angle of x / y."""
    x_first = perspective_x(size, largest, samples)
    points = x_first.points[..., ::-1].copy()
    return Transformation(x_first.axes, points, (0,), lambda a: rows_of((1, 0, 0), (0, 1, 0), (0, a, 1)))


def cartesian(size: int) -> np.ndarray:
    """Return the centres of an image's pixels (size, size, 2)."""
    offsets = (2 * np.arange(size) + 1) / size - 1
    x, y = np.meshgrid(offsets, -offsets)
    return np.stack([x, y], -1)


def log_polar(size: int) -> np.ndarray:
    """Return points (angles, radii, 2), the radii evenly spaced in the logarithm from the central pixel to the edge.

    Both counts are the least multiple of 16 that is no less than ``size``, so that halving keeps a quarter turn whole.
    """
    count = 16 * math.ceil(size / 16)
    angles = np.arange(count) * (2 * math.pi / count)
    return polar(angles, np.geomspace(1 / size, 1, count))


def move(matrices: Tensor, points: Tensor) -> Tensor:
    """Return points (..., 2) moved by homographies (B, 3, 3): (B, ..., 2); those behind the horizon leave the image."""
    flat = F.pad(points.flatten(0, -2), (0, 1), value=1.0)
    moved = flat @ matrices.transpose(1, 2)
    return (moved[..., :2] / moved[..., 2:].clamp(min=1e-4)).view(-1, *points.shape)


def sample(images: Tensor, points: Tensor) -> Tensor:
    """Return images (B, C, S, S) at points (B or 1, rows, columns, 2), bilinear, zero outside: (B, C, rows, columns).

    Points that all images share (1, ...) are looked up once for the whole batch.
    """
    flat = images.flatten(0, 1)[None] if len(points) == 1 else images
    grid = torch.stack([points[..., 0], -points[..., 1]], -1)
    sampled = F.grid_sample(flat, grid, padding_mode="zeros", align_corners=False)
    return sampled.view(*images.shape[:2], *points.shape[1:3])
