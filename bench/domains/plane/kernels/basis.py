"""Kernel bases sampled on the pixel grid: circular harmonics times radial rings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bench.domains.plane.kernels.angular import harmonics, solutions
from bench.groups import Representation


@dataclass(frozen=True)
class Ring:
    """A Gaussian ring: radius and width in pixels, and the highest angular frequency that the grid can carry there."""

    radius: float
    width: float
    max_frequency: int


def rings(kernel_size: int) -> list[Ring]:
    """Return the rings of an odd kernel: one per pixel of radius, the frequencies below aliasing.

    Radii, widths and frequency limits are those of e2cnn (its default band limit), so that both libraries span the same
    kernels and can be compared.
    """
    reach = kernel_size // 2
    circles = [Ring(0.0, 0.005, 0)]
    for radius in range(1, reach + 1):
        if radius < reach:
            circles.append(Ring(float(radius), 0.6, 2 * radius - (radius + 1) % 2))
        else:
            circles.append(Ring(float(radius), 0.4, 2))
    return circles


@lru_cache(maxsize=1024)
def kernel_basis(out: Representation, into: Representation, kernel_size: int) -> np.ndarray:
    """Return a basis (n, out.size, in.size, k, k), float32, of the equivariant kernels from ``into`` to ``out``.

    Every element has the squared Frobenius norm out.size, so that independent coefficients of unit variance give every
    output channel, on average, a kernel of squared norm n. Row 0 of a kernel is its top (y grows upwards).
    """
    half = kernel_size // 2
    x, y = np.meshgrid(np.arange(-half, half + 1), np.arange(half, -half - 1, -1))
    radii, angles = np.hypot(x, y).ravel(), np.arctan2(y, x).ravel()
    all_rings = rings(kernel_size)
    elements = []
    for frequency in range(max(ring.max_frequency for ring in all_rings) + 1):
        angular = solutions(out, into, frequency)
        waves = harmonics(angles, frequency)
        if frequency:
            waves[:, radii == 0] = 0  # only a constant is well defined at the origin
        for ring in all_rings:
            if frequency <= ring.max_frequency:
                sampled = waves * np.exp(-((radii - ring.radius) ** 2) / (2 * ring.width**2))
                gram = np.einsum("nhoi,nkoi->nhk", angular, angular)
                squared_norms = np.einsum("nhk,hk->n", gram, sampled @ sampled.T)
                scaled = angular * np.sqrt(out.size / squared_norms)[:, None, None, None]
                elements.append(np.tensordot(scaled.astype(np.float32), sampled.astype(np.float32), axes=(1, 0)))
    basis: np.ndarray = np.concatenate(elements)
    basis = basis.reshape(len(basis), out.size, into.size, kernel_size, kernel_size)
    basis.setflags(write=False)
    return basis
