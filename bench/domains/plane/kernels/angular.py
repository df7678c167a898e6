"""Kernels on the circle: the solutions of the equivariance constraint, one frequency at a time.

A kernel of angular frequency m is K(phi) = A cos(m phi) + B sin(m phi) with matrices A, B (out x in). Moving the point
by g mixes only cosine and sine of the same frequency, so the constraint on (A, B) is a null-space problem of at most
eight unknowns for a pair of irreps; a pair of any representations is put together from those of its irreps.
"""

from __future__ import annotations

import numpy as np

from bench.domains.plane.kernels.decomposition import decompose, null_space
from bench.groups import Element, Representation


def harmonics(angles: np.ndarray, frequency: int) -> np.ndarray:
    """Return cosine and sine (2, n) of frequency times the angles (n,); frequency 0 has the cosine alone (1, n)."""
    if frequency == 0:
        return np.ones((1, len(angles)))
    return np.stack([np.cos(frequency * angles), np.sin(frequency * angles)])


def harmonics_action(g: Element, frequency: int) -> np.ndarray:
    """Return D with harmonics(g phi) = D harmonics(phi), where g phi = turn + phi, or turn + pi - phi if mirrored."""
    if frequency == 0:
        return np.eye(1)
    angle = frequency * g.radians
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation @ np.diag([1.0, -1.0]) * (-1) ** frequency if g.mirror else rotation


def irrep_solutions(out: Representation, into: Representation, frequency: int) -> np.ndarray:
    """Return an orthonormal basis (n, h, out.size, in.size) of the kernels between the irreps ``into`` and ``out``.

    Solves K(g phi) = rho_out(g) K(phi) rho_in(g)^T for the group's generators, hence for the group.
    """
    h = 1 if frequency == 0 else 2
    constraint = [
        np.kron(harmonics_action(g, frequency).T, np.eye(out.size * into.size))
        - np.kron(np.eye(h), np.kron(out(g), into(g)))
        for g in out.group.generators
    ]
    return null_space(np.concatenate(constraint)).reshape(-1, h, out.size, into.size)


def solutions(out: Representation, into: Representation, frequency: int) -> np.ndarray:
    """Return a basis (n, h, out.size, in.size) of the coefficients of K between any two representations."""
    Q_out, out_irreps = decompose(out)
    Q_in, in_irreps = decompose(into)
    pairs = {(a, b): irrep_solutions(a, b, frequency) for a in set(out_irreps) for b in set(in_irreps)}
    blocks = []
    row = 0
    for a in out_irreps:
        column = 0
        for b in in_irreps:
            blocks.append(Q_out[:, row : row + a.size] @ pairs[a, b] @ Q_in[:, column : column + b.size].T)
            column += b.size
        row += a.size
    return np.concatenate(blocks)
