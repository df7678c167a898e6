"""Kernels of correlations: numbers at rotations near the identity, or at every coefficient of the spectrum."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from bench.domains.sphere.wigner import small_d


class LocalKernel(nn.Module):
    """A real function that is a sum of points on circles around the pole, as a spectrum (O, C, l, n, k).

    The points are a centre and ``rings`` circles of ``angles`` points, out to ``reach`` degrees; on SO(3), each of them
    in ``orientations`` turns about itself (Cohen et al. 2018, the grid near the identity). Their matrix of Wigner's D
    makes the spectrum; there is no quadrature. The released code's grid holds the turn by 360 degrees beside that by 0,
    so that a part of its weights is redundant: here no point comes twice.
    """

    decayed = ("values",)

    def __init__(self, before: int, after: int, degrees: int, points: Tensor) -> None:
        super().__init__()
        self.degrees = degrees
        self._points = points
        count = len(points)
        self.values = nn.Parameter(torch.randn(after, before, count) / math.sqrt(before * count))

    def forward(self) -> Tensor:
        table = _table(self.degrees, tuple(map(tuple, self._points.tolist())), self.values.device)
        with torch.autocast(self.values.device.type, enabled=False):
            flat = self.values.float().flatten(0, 1) @ table.flatten(1)
        parts = flat.view(*self.values.shape[:2], *table.shape[1:])
        return torch.view_as_complex(parts)


class FullKernel(nn.Module):
    """A real function of any shape, as its spectrum (O, C, l, n, k): a number for each coefficient.

    A kernel on the sphere has the column k = 0 alone.
    """

    decayed = ("values",)

    def __init__(self, before: int, after: int, degrees: int, on_rotations: bool) -> None:
        super().__init__()
        self.degrees = degrees
        width = 2 * degrees - 1
        self.columns = width if on_rotations else 1
        orders = torch.arange(1 - degrees, degrees)
        columns = orders if on_rotations else orders[degrees - 1 : degrees]
        allowed = (orders[None, :, None].abs() <= torch.arange(degrees)[:, None, None]) & (
            columns[None, None, :].abs() <= torch.arange(degrees)[:, None, None]
        )
        self.register_buffer("allowed", allowed.float(), persistent=False)
        self.allowed: Tensor
        count = int(allowed.sum())
        self.values = nn.Parameter(torch.randn(after, before, count) / math.sqrt(before * count))
        self.register_buffer("places", allowed.flatten().nonzero()[:, 0], persistent=False)
        self.places: Tensor

    def forward(self) -> Tensor:
        """Return the spectrum of a real function: symmetric and antisymmetric parts of numbers are its two parts."""
        degrees, width = self.degrees, 2 * self.degrees - 1
        shape = (*self.values.shape[:2], degrees * width * self.columns)
        full = torch.zeros(shape, device=self.values.device).index_copy(2, self.places, self.values.float())
        full = full.view(*shape[:2], degrees, width, self.columns)
        orders = torch.arange(1 - degrees, degrees, device=full.device)
        columns = orders if self.columns > 1 else orders[degrees - 1 : degrees]
        signs = 1 - 2 * ((orders[:, None] - columns) % 2)
        mirrored = full.flip(-2, -1) * signs
        return torch.complex(full + mirrored, full - mirrored) / 2


@lru_cache(maxsize=64)
def ring_points(rings: int, angles: int, reach: float, orientations: int) -> Tensor:
    """Return Euler angles (P, 3) in radians: a centre and circles out to ``reach`` degrees, each in its orientations.

    An orientation w turns the tangent plane: alpha + gamma = w. ``orientations`` 0 gives points of the sphere, gamma 0.
    """
    places = [(0.0, 0.0)] + [
        (2 * math.pi * k / angles, math.radians(reach) * ring / rings)
        for ring in range(1, rings + 1)
        for k in range(angles)
    ]
    turns = [2 * math.pi * k / orientations for k in range(orientations)] if orientations else [None]
    points = [(alpha, beta, 0.0 if turn is None else turn - alpha) for turn in turns for alpha, beta in places]
    return torch.tensor(points, dtype=torch.float64)


@lru_cache(maxsize=64)
def _table(degrees: int, points: tuple[tuple[float, ...], ...], device: torch.device) -> Tensor:
    """Return D^l_nk at points, (P, l, n, k, 2), orders centred; k = 0 alone where no point has a gamma."""
    alphas, betas, gammas = np.array(points).T
    width = 2 * degrees - 1
    on_sphere = not gammas.any()
    table = np.zeros((len(points), degrees, width, 1 if on_sphere else width), np.complex128)
    for degree in range(degrees):
        orders = np.arange(-degree, degree + 1)
        inner = slice(degrees - 1 - degree, degrees + degree)
        matrices = np.exp(-1j * alphas[:, None] * orders)[:, :, None] * small_d(degree, betas)
        if on_sphere:
            table[:, degree, inner, 0] = matrices[:, :, degree]
        else:
            table[:, degree, inner, inner] = matrices * np.exp(-1j * gammas[:, None] * orders)[:, None]
    return torch.view_as_real(torch.from_numpy(table).to(torch.complex64)).to(device)
