"""Wigner's matrices, the grid of Driscoll and Healy, and its quadrature, in float64.

The generator of rotations about y is diagonal in a basis V with the eigenvalues -l to l, so that
``d^l(beta) = V exp(-i beta diag(-l .. l)) V*``: one stable eigenvalue problem for each degree, of which everything else
is made. Degrees up to 64 keep their unitarity to 1e-13.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@lru_cache(maxsize=256)
def eigenvectors(degree: int) -> Complex:
    """Return V (2l + 1, 2l + 1): rows are orders -l to l, columns the eigenvalues -l to l of the generator about y."""
    orders = np.arange(-degree, degree)
    raising = np.diag(np.sqrt(degree * (degree + 1) - orders * (orders + 1)), -1)
    _, vectors = np.linalg.eigh((raising - raising.T) / 2j)
    return vectors


def small_d(degree: int, betas: Real) -> Real:
    """Return d^l_mn at angles (B,) from the pole, (B, 2l + 1, 2l + 1), orders from -l to l along both.

    >>> float(small_d(1, np.array([0.3]))[0, 1, 1]) - np.cos(0.3) < 1e-15
    True
    """
    vectors, size = eigenvectors(degree), 2 * degree + 1
    phases = np.exp(-1j * betas[:, None] * np.arange(-degree, degree + 1))
    # one product for all angles: of many small ones the threads of a busy machine wait for each other
    matrices: Real = ((vectors * phases[:, None]).reshape(-1, size) @ vectors.conj().T).real
    return matrices.reshape(-1, size, size)


def wigner(degree: int, alphas: Real, betas: Real, gammas: Real) -> Complex:
    """Return D^l_mn = exp(-i m alpha) d^l_mn(beta) exp(-i n gamma) at n rotations, (n, 2l + 1, 2l + 1)."""
    orders = np.arange(-degree, degree + 1)
    before, after = (np.exp(-1j * angles[:, None] * orders) for angles in (alphas, gammas))
    matrices: Complex = before[:, :, None] * small_d(degree, betas) * after[:, None]
    return matrices


def colatitudes(bandwidth: int) -> Real:
    """Return the 2b angles from the north pole of the grid: pi (2j + 1) / 4b."""
    return np.pi * (2 * np.arange(2 * bandwidth) + 1) / (4 * bandwidth)


def longitudes(bandwidth: int) -> Real:
    """Return the 2b longitudes of the grid: 2 pi k / 2b."""
    return np.pi * np.arange(2 * bandwidth) / bandwidth


@lru_cache(maxsize=64)
def quadrature(bandwidth: int) -> Real:
    """Return the share of the sphere that each of the 2b circles of latitude stands for, (2b,), of sum 1.

    With it sums of functions of a degree below 2b are integrals (Driscoll & Healy 1994).
    """
    angles, k = colatitudes(bandwidth), np.arange(bandwidth)
    weights = np.sin(angles) * (np.sin(np.outer(angles, 2 * k + 1)) / (2 * k + 1)).sum(1)
    shares: Real = weights / weights.sum()
    return shares
