"""How rotations act: exactly on spectra, and on functions on a grid through their spectra or by reading them at points.

For what is read between points of the grid, a function is extended over the poles to the whole great circle
(``f(-beta, alpha) = f(beta, alpha + pi)``): on that torus it is periodic in both directions, and the cubic B-spline
with its exact prefilter (Unser 1999) needs no rule for edges.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bench.domains.sphere.rotations import euler, matrices
from bench.domains.sphere.transforms import on_sphere, sphere_spectrum, whole
from bench.domains.sphere.wigner import colatitudes, eigenvectors, longitudes

Reading = Literal["spline", "bilinear"]


def rotated(spectrum: Tensor, quaternions: Tensor) -> Tensor:
    """Return spectra (B, C, l, m, n, 2) of functions f(g^-1 x), each by its own rotation (B, 4), or all by one (1, 4).

    F^l becomes D^l(g) F^l, with D^l = Z(alpha) V Z(beta) V* Z(gamma): three phases and a constant unitary matrix.
    """
    degrees = spectrum.shape[2]
    orders = torch.arange(1 - degrees, degrees, device=spectrum.device)
    # in float64: a degree of 60 multiplies the rounding of an angle
    angles = -euler(quaternions.double())[:, :, None].to(spectrum.device) * orders
    alpha, beta, gamma = (torch.polar(torch.ones_like(each), each).to(torch.complex64) for each in angles)
    basis = _bases(degrees, spectrum.device)
    turned = gamma[:, None, None, :, None] * whole(spectrum)
    turned = beta[:, None, None, :, None] * (basis.mH @ turned)
    return torch.view_as_real(alpha[:, None, None, degrees - 1 :, None] * (basis[:, degrees - 1 :] @ turned))


def turned(values: Tensor, quaternions: Tensor) -> Tensor:
    """Return functions (B, C, 2b, 2b) rotated through their spectra; what is finer than the band limit is lost."""
    bandwidth = values.shape[-1] // 2
    return on_sphere(rotated(sphere_spectrum(values, bandwidth), quaternions), bandwidth)


def read_at(values: Tensor, points: Tensor, reading: Reading) -> Tensor:
    """Return functions (B, C, 2b, 2b) at points (B, P, 3) of the sphere, or the same (1, P, 3) for all: (B, C, P)."""
    bandwidth = values.shape[-1] // 2
    torus = torch.cat([values, values.flip(-2).roll(bandwidth, -1)], -2)
    step = np.pi / (2 * bandwidth)
    rows = torch.atan2(torch.hypot(points[..., 0], points[..., 1]), points[..., 2]) / step - 0.5
    columns = torch.atan2(points[..., 1], points[..., 0]) / (2 * step)
    first_row, down = _taps(rows, reading)
    first_column, across = _taps(columns, reading)
    if reading == "spline":
        torus = _prefiltered(torus)
    flat, values_there = torus.flatten(-2), torch.zeros((), device=values.device)
    for i, weight in enumerate(down):
        row = (first_row + i) % (4 * bandwidth) * (2 * bandwidth)
        for j, other in enumerate(across):
            places = row + (first_column + j) % (2 * bandwidth)
            picked = flat.gather(-1, places[:, None].expand(len(values), values.shape[1], -1))
            values_there = values_there + (weight * other)[:, None] * picked
    return values_there


def resampled(values: Tensor, quaternions: Tensor, reading: Reading) -> Tensor:
    """Return functions (B, C, 2b, 2b) rotated by reading them at turned points of the grid."""
    points = grid_points(values.shape[-1] // 2, values.device) @ matrices(quaternions).to(values)  # g^-1 p, as rows
    return read_at(values, points, reading).view(values.shape)


def nearest(labels: Tensor, quaternions: Tensor) -> Tensor:
    """Return integer maps (B, 2b, 2b) rotated: each point takes the label of the point that is next in coordinates."""
    bandwidth = labels.shape[-1] // 2
    points = grid_points(bandwidth, labels.device) @ matrices(quaternions).to(labels.device, torch.float32)
    step = np.pi / (2 * bandwidth)
    rows = torch.atan2(torch.hypot(points[..., 0], points[..., 1]), points[..., 2]) / step - 0.5
    columns = torch.atan2(points[..., 1], points[..., 0]) / (2 * step)
    places = rows.round().long().clamp(0, 2 * bandwidth - 1) * 2 * bandwidth + columns.round().long() % (2 * bandwidth)
    return labels.flatten(1).gather(1, places.expand(len(labels), -1)).view(labels.shape)


@lru_cache(maxsize=64)
def grid_points(bandwidth: int, device: torch.device) -> Tensor:
    """Return the points of the grid as unit vectors, (4b^2, 3), rows of the grid one after the other."""
    beta, alpha = np.meshgrid(colatitudes(bandwidth), longitudes(bandwidth), indexing="ij")
    points = np.stack([np.sin(beta) * np.cos(alpha), np.sin(beta) * np.sin(alpha), np.cos(beta)], -1)
    return torch.from_numpy(points.reshape(-1, 3)).to(device=device, dtype=torch.float32)


@lru_cache(maxsize=64)
def _bases(degrees: int, device: torch.device) -> Tensor:
    """Return the V of every degree, (l, 2L - 1, 2L - 1), orders centred, zero where an order exceeds the degree."""
    bases = np.zeros((degrees, 2 * degrees - 1, 2 * degrees - 1), np.complex128)
    for degree in range(degrees):
        inner = slice(degrees - 1 - degree, degrees + degree)
        bases[degree, inner, inner] = eigenvectors(degree)
    return torch.from_numpy(bases).to(device=device, dtype=torch.complex64)


def _taps(positions: Tensor, reading: Reading) -> tuple[Tensor, list[Tensor]]:
    """Return the first point that a position between points reads, and the weights of it and of those that follow."""
    first = positions.floor()
    t = positions - first
    if reading == "bilinear":
        return first.long(), [1 - t, t]
    weights = [(1 - t) ** 3 / 6, 2 / 3 - t**2 + t**3 / 2, 2 / 3 - (1 - t) ** 2 + (1 - t) ** 3 / 2, t**3 / 6]
    return first.long() - 1, weights


def _prefiltered(torus: Tensor) -> Tensor:
    """Return coefficients of the cubic B-spline through periodic values (..., H, W): divided by (4 + 2 cos) / 6."""
    height, width = torus.shape[-2:]
    down = torch.fft.fftfreq(height, device=torus.device) * (2 * np.pi)
    across = torch.fft.rfftfreq(width, device=torus.device) * (2 * np.pi)
    response = (4 + 2 * down.cos())[:, None] * (4 + 2 * across.cos()) / 36
    coefficients: Tensor = torch.fft.irfft2(torch.fft.rfft2(torus) / response, (height, width))
    return coefficients
