"""Every equivariant map between two representations, against the theory and an average over the group."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.domains.vectors import (
    MatrixGroup,
    Tensors,
)
from bench.domains.vectors.maps import linear_maps
from tests.domains.vectors.cases import NAMES, drawn, elements, groups

#: Published and classical: of O(n) products of deltas, of SO(3) and SO+(1,3) the epsilon tensor too.
COUNTS = {
    "O(3)": {(0, 2): 1, (1, 1): 1, (1, 2): 0, (2, 2): 3, (3, 3): 15},
    "SO(3)": {(0, 2): 1, (1, 1): 1, (1, 2): 1, (2, 2): 3, (0, 3): 1},
    "SO(2)": {(1, 1): 2, (0, 1): 0, (0, 2): 2},
    "O(5)": {(1, 1): 1, (2, 2): 3},
    "O(1,3)": {(0, 2): 1, (1, 1): 1, (2, 2): 3},
    "SO+(1,3)": {(1, 1): 1, (2, 2): 4},
}


@pytest.mark.parametrize(("name", "ranks"), [(name, ranks) for name, counts in COUNTS.items() for ranks in counts])
def test_there_are_as_many_maps_as_the_theory_says(name: str, ranks: tuple[int, int]) -> None:
    assert len(linear_maps(MatrixGroup.parse(name), *ranks)) == COUNTS[name][ranks]


@pytest.mark.parametrize("name", NAMES[:6])
@pytest.mark.parametrize("ranks", [(0, 1), (1, 1), (0, 2), (1, 2), (2, 1)])
def test_the_maps_are_those_that_averaging_over_the_group_leaves(name: str, ranks: tuple[int, int]) -> None:
    """The oracle: the mean of rho(g) W rho(g)^-1 over Haar-random elements projects onto the equivariant maps."""
    group = MatrixGroup.parse(name)
    before, after = (Tensors(group, ((rank, 1),)) for rank in ranks)
    total = np.zeros((after.size * before.size,) * 2)
    matrices = drawn(group, 20_000, seed=7)
    left, right = (
        law.moved(
            torch.eye(law.size, dtype=torch.float64).repeat(len(matrices), 1), matrices.repeat_interleave(law.size, 0)
        )
        for law in (after, before)
    )
    a, b = left.view(-1, after.size, after.size).mT, right.view(-1, before.size, before.size).mT
    total = torch.einsum("nij,nkl->ikjl", a, b).reshape(total.shape).numpy() / len(matrices)
    basis = linear_maps(group, *ranks).reshape(-1, after.size * before.size)
    assert np.abs(basis.T @ basis - total).max() < 0.03
    assert np.allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-9)


def _as_matrices(tensors: Tensors, matrices: Tensor) -> Tensor:
    """Return rho(g) (n, size, size) of many elements."""
    units = torch.eye(tensors.size, dtype=torch.float64).repeat(len(matrices), 1)
    return tensors.moved(units, matrices.repeat_interleave(tensors.size, 0)).view(-1, tensors.size, tensors.size).mT


@settings(max_examples=30)
@given(groups, st.integers(0, 2), st.integers(0, 2), st.integers(0, 99))
def test_every_map_commutes_with_the_group(group: MatrixGroup, before: int, after: int, seed: int) -> None:
    (g,) = elements(group, 1, seed)
    rho_before, rho_after = (Tensors(group, ((rank, 1),)).matrix(g.matrix) for rank in (before, after))
    for each in linear_maps(group, before, after):
        assert np.allclose(rho_after @ each, each @ rho_before, atol=1e-5 * math.cosh(group.boost) ** 4)
