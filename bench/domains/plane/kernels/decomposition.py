"""The decomposition of a representation into irreps, by its intertwiners."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bench.groups import Representation, irreps

# Singular values of a constraint matrix are either rounding errors of float64 or set by angles of the group's
# generators, which for the groups here stay far above this.
_ZERO = 1e-7


def null_space(matrix: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (k, n) of the vectors that ``matrix`` (m, n) with m >= n sends to zero."""
    _, singular, rows = np.linalg.svd(matrix)
    return rows[singular < _ZERO]


def intertwiners(rho: Representation, psi: Representation) -> np.ndarray:
    """Return an orthonormal basis (k, rho.size, psi.size) of the T with rho(g) T = T psi(g) for every g."""
    constraint = [np.kron(rho(g), np.eye(psi.size)) - np.kron(np.eye(rho.size), psi(g).T) for g in rho.group.generators]
    return null_space(np.concatenate(constraint)).reshape(-1, rho.size, psi.size)


@lru_cache(maxsize=256)
def decompose(rho: Representation) -> tuple[np.ndarray, tuple[Representation, ...]]:
    """Return (Q, irreps) with Q orthogonal and rho(g) = Q (psi_1(g) + psi_2(g) + ...) Q^T, + the direct sum."""
    columns: list[np.ndarray] = []
    parts: list[Representation] = []
    for psi in irreps(rho.group, rho.max_frequency):
        space = intertwiners(rho, psi)
        # By Schur's lemma T^T T is a multiple of the identity, so a normalised T embeds one copy of psi, and what is
        # left of the others after projecting that copy out is again a space of intertwiners.
        while len(space):
            norms = np.linalg.norm(space, axis=(1, 2))
            if norms.max() < _ZERO:
                break
            embedding = space[norms.argmax()] * np.sqrt(psi.size) / norms.max()
            columns.append(embedding)
            parts.append(psi)
            space = space - embedding @ (embedding.T @ space)
    Q = np.concatenate(columns, axis=1)
    if Q.shape != (rho.size, rho.size):
        raise ValueError(f"{rho} has irreps above its max_frequency of {rho.max_frequency}")
    return Q, tuple(parts)
