"""Fourier transforms of real functions on the sphere and on SO(3), and back, as matrix products.

A function on the sphere is (B, C, 2b, 2b): (beta, alpha) on the grid of Driscoll and Healy; one on SO(3) is
(B, C, 2b, 2b, 2b): (beta, gamma, alpha). With the Haar measure of mass one,

    F^l_mn = integral of f(g) D^l_mn(g),    f(g) = sum of (2l + 1) F^l_mn conj(D^l_mn(g)),

and a function on the sphere is one on SO(3) that does not depend on gamma: n = 0 alone. As f is real, orders m below
zero follow, ``F^l_-m,-n = (-1)^(m - n) conj(F^l_mn)``, and only m >= 0 are kept. A spectrum is (B, C, l, m, n, 2), real
and imaginary parts last, with L x L x (2L - 1) numbers: n from -(L - 1) to L - 1, zero where an order is higher than l.

The sums over alpha and gamma are products with small matrices of cosines and sines, too, which is faster than an FFT at
these sizes (docs/performance.md), and all three sums leave the examples and channels where they are, last in memory, so
that nothing is copied in between. Everything is float32 whatever autocast says: in bfloat16
nothing of the symmetry would be left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.domains.sphere.wigner import colatitudes, longitudes, quadrature, small_d


def sphere_spectrum(values: Tensor, degrees: int) -> Tensor:
    """Return the spectrum (B, C, l, m, 1, 2) up to ``degrees`` <= b (exclusive) of functions (B, C, 2b, 2b)."""
    batch, side = values.shape[:2], values.shape[-1]
    tables = _tables(side // 2, degrees, False, values.device)
    with torch.autocast(values.device.type, enabled=False):
        orders = tables.from_alpha @ values.float().permute(3, 2, 0, 1).reshape(side, -1)
        numbers = tables.from_beta[:, :, None] @ orders.view(degrees, 1, 2, side, -1)
    return _logical(numbers.unflatten(-1, batch))


def on_sphere(spectrum: Tensor, bandwidth: int) -> Tensor:
    """Return functions (B, C, 2b, 2b) of a spectrum (B, C, l, m, 1, 2) of no more than b degrees."""
    side, degrees, batch = 2 * bandwidth, spectrum.shape[2], spectrum.shape[:2]
    tables = _tables(bandwidth, degrees, False, spectrum.device)
    with torch.autocast(spectrum.device.type, enabled=False):
        circles = tables.to_beta[:, :, None] @ _physical(spectrum)
        values = tables.to_alpha @ circles.reshape(2 * degrees, -1)
    return values.view(side, side, *batch).permute(2, 3, 1, 0)


def rotation_spectrum(values: Tensor, degrees: int) -> Tensor:
    """Return the spectrum (B, C, l, m, n, 2) up to ``degrees`` <= b (exclusive) of (B, C, 2b, 2b, 2b)."""
    batch, side = values.shape[:2], values.shape[-1]
    tables = _tables(side // 2, degrees, True, values.device)
    with torch.autocast(values.device.type, enabled=False):
        orders = tables.from_alpha @ values.float().permute(4, 3, 2, 0, 1).reshape(side, -1)
        orders = tables.from_gamma @ orders.view(degrees, 2 * side, -1)
        numbers = tables.from_beta[:, :, None] @ orders.view(degrees, 2 * degrees - 1, 2, side, -1)
    return _logical(numbers.unflatten(-1, batch))


def on_rotations(spectrum: Tensor, bandwidth: int) -> Tensor:
    """Return functions (B, C, 2b, 2b, 2b) of a spectrum (B, C, l, m, n, 2) of no more than b degrees."""
    side, degrees, batch = 2 * bandwidth, spectrum.shape[2], spectrum.shape[:2]
    tables = _tables(bandwidth, degrees, True, spectrum.device)
    with torch.autocast(spectrum.device.type, enabled=False):
        circles = tables.to_beta[:, :, None] @ _physical(spectrum)
        circles = tables.to_gamma @ circles.view(degrees, 2 * (2 * degrees - 1), -1)
        values = tables.to_alpha @ circles.view(2 * degrees, -1)
    return values.view(side, side, side, *batch).permute(3, 4, 2, 1, 0)


def integral(values: Tensor) -> Tensor:
    """Return the integrals (B, C) of functions on SO(3), (B, C, 2b, 2b, 2b), with the Haar measure of mass one."""
    flat = values.permute(4, 3, 2, 0, 1).flatten(0, 2)
    return (_weights(values.shape[-1] // 2, values.device) @ flat.flatten(1)).view(flat.shape[1:])


def power(spectrum: Tensor) -> Tensor:
    """Return the mean square (B, C) of functions on SO(3) of a spectrum (B, C, l, m, n, 2), by Parseval's equation."""
    squares: Tensor = (spectrum.square() * parseval(spectrum.shape[2], spectrum.device)).sum((2, 3, 4, 5))
    return squares


@lru_cache(maxsize=64)
def parseval(degrees: int, device: torch.device) -> Tensor:
    """Return what each number of a spectrum counts in a mean square, (l, m, 1, 1): 2l + 1, twice where m > 0."""
    sizes = 2 * torch.arange(degrees, device=device, dtype=torch.float32) + 1
    twice = torch.where(torch.arange(degrees, device=device) > 0, 2.0, 1.0)
    return (sizes[:, None] * twice)[..., None, None]


def whole(spectrum: Tensor) -> Tensor:
    """Return a spectrum (B, C, l, m, n, 2) as complex numbers, with its orders m below zero: (B, C, l, 2L - 1, n)."""
    degrees, columns = spectrum.shape[2], spectrum.shape[4]
    numbers = torch.view_as_complex(spectrum.contiguous())
    orders = torch.arange(1 - degrees, degrees, device=spectrum.device)
    kept = orders if columns > 1 else orders[degrees - 1 : degrees]
    signs = 1 - 2 * ((orders[: degrees - 1, None] - kept) % 2)
    return torch.cat([numbers[..., 1:, :].flip(-2, -1).conj() * signs, numbers], -2)


class _Tables(NamedTuple):
    """The matrices of a transform and of its inverse; the orders of an example are (m, n, part, l or j)."""

    from_alpha: Tensor  # (m and part, alpha)
    from_gamma: Tensor  # (n and part, part and gamma)
    from_beta: Tensor  # (m, n, l, j)
    to_beta: Tensor  # (m, n, j, l)
    to_gamma: Tensor  # (part and gamma, n and part)
    to_alpha: Tensor  # (alpha, m and part)


@lru_cache(maxsize=64)
def _tables(bandwidth: int, degrees: int, on_rotations: bool, device: torch.device) -> _Tables:
    columns = np.arange(1 - degrees, degrees) if on_rotations else np.zeros(1, int)
    d = np.zeros((degrees, len(columns), degrees, 2 * bandwidth))
    for degree in range(degrees):
        there = np.abs(columns) <= degree
        picked = small_d(degree, colatitudes(bandwidth))[:, degree:, columns[there] + degree]
        d[: degree + 1, there, degree] = picked.transpose(1, 2, 0)
    angles, rows = longitudes(bandwidth), np.arange(degrees)
    cos, sin = np.cos(np.outer(angles, rows)), np.sin(np.outer(angles, rows))
    twice = np.where(rows > 0, 2, 1)  # for the orders that are not kept
    across, along = np.cos(np.outer(angles, columns)), np.sin(np.outer(angles, columns))
    # multiplication of parts by exp(i n gamma), and by exp(-i n gamma)
    turn = np.stack([np.stack([across, -along], -1), np.stack([along, across], -1)])
    back = np.stack([np.stack([across.T, along.T], 1), np.stack([-along.T, across.T], 1)], 1)
    arrays = (
        np.stack([cos.T, -sin.T], 1).reshape(2 * degrees, -1) / len(angles),
        back.reshape(2 * len(columns), -1) / len(angles),
        d * quadrature(bandwidth),
        (d * (2 * np.arange(degrees) + 1)[:, None]).swapaxes(2, 3),
        turn.reshape(2 * len(angles), -1),
        np.stack([cos * twice, -sin * twice], -1).reshape(len(angles), -1),
    )
    return _Tables(*(torch.from_numpy(np.ascontiguousarray(each)).to(device, torch.float32) for each in arrays))


@lru_cache(maxsize=64)
def _weights(bandwidth: int, device: torch.device) -> Tensor:
    """Return what each point of a grid of SO(3) stands for, (alpha and gamma and beta,), of sum 1."""
    weights = torch.from_numpy(quadrature(bandwidth)).repeat(4 * bandwidth**2) / (4 * bandwidth**2)
    return weights.to(device=device, dtype=torch.float32)


def _logical(numbers: Tensor) -> Tensor:
    """Return numbers (m, n, 2, l, B, C) in the order of a spectrum."""
    return numbers.permute(4, 5, 3, 0, 1, 2)


def _physical(spectrum: Tensor) -> Tensor:
    """Return a spectrum as numbers (m, n, 2, l, B and C), as they lie in memory if a transform made it."""
    return spectrum.permute(3, 4, 5, 2, 0, 1).flatten(4)
