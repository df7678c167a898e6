"""Equivariant linear maps between tensors: every one, as a basis, from the constraints of the group's generators."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bench.domains.vectors.groups import MatrixGroup
from bench.domains.vectors.tensors import Tensors

#: Eigenvalues of the squared constraints below it are zero; that none is missed, the theory's numbers of maps tell.
ZERO = 1e-8


@lru_cache(maxsize=256)
def linear_maps(group: MatrixGroup, before: int, after: int) -> np.ndarray:
    """Return a basis (n, d^after, d^before) of the equivariant maps of tensors of rank ``before`` to rank ``after``.

    A map W is equivariant where rho_after(A) W = W rho_before(A) for the Lie algebra (d rho) and the same for the
    reflections (rho): linear in W, solved by the null space of all of them together in float64 (Finzi et al. 2021,
    theorem 1). The basis is orthonormal: the sum of squares of each is one.
    """
    d = group.dimension
    rows, columns = d**after, d**before
    constraints = []
    for generator in group.algebra:
        left, right = _derivative(generator, after), _derivative(generator, before)
        constraints.append(np.kron(left, np.eye(columns)) - np.kron(np.eye(rows), right.T))
    for reflection in group.reflections:
        left, right = _power(reflection, after), _power(reflection, before)
        constraints.append(np.kron(left, np.eye(columns)) - np.kron(np.eye(rows), right.T))
    # the null space of all constraints is that of the sum of their squares, which has the size of one
    squared = sum(constraint.T @ constraint for constraint in constraints)
    values, vectors = np.linalg.eigh(squared)
    null = vectors[:, values < ZERO]
    return np.ascontiguousarray(null.T.reshape(-1, rows, columns))


def _power(matrix: np.ndarray, rank: int) -> np.ndarray:
    """Return the action of a matrix on a tensor of a rank."""
    group = MatrixGroup(len(matrix))
    return Tensors(group, ((rank, 1),)).matrix(matrix)


def _derivative(generator: np.ndarray, rank: int) -> np.ndarray:
    """Return the action of an element of the Lie algebra on a tensor of a rank: a sum over its indices."""
    d = len(generator)
    total = np.zeros((d**rank, d**rank))
    for place in range(rank):
        term = np.eye(1)
        for index in range(rank):
            term = np.kron(term, generator if index == place else np.eye(d))
        total += term
    return total
