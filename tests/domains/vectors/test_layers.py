"""The layers of an equivariant multilayer perceptron."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.domains.vectors import (
    MatrixGroup,
    TensorLaw,
    Tensors,
)
from bench.domains.vectors.layers import Bilinear, EquivariantLinear, Gated, gated
from bench.domains.vectors.maps import linear_maps
from bench.domains.vectors.models.emlp import spread
from tests.domains.vectors.cases import elements, groups, relative


@pytest.fixture(params=["O(3)", "SO(3)", "O(5)", "O(1,3)", "SO+(1,3)"])
def group(request: pytest.FixtureRequest) -> MatrixGroup:
    return MatrixGroup.parse(request.param)


def layers(group: MatrixGroup) -> Iterator[tuple[torch.nn.Module, Tensors, Tensors]]:
    before, after = Tensors.parse(group, "2S + 2V + T2"), Tensors.parse(group, "3S + V + 2T2")
    yield EquivariantLinear(before, after), before, after
    yield Bilinear(before), before, before
    yield Gated(after), gated(after), after


def test_every_layer_is_equivariant(group: MatrixGroup) -> None:
    torch.manual_seed(0)
    for layer, before, after in layers(group):
        values = torch.randn(8, before.size, dtype=torch.float64)
        for g in elements(group, 4):
            found = layer.double()(TensorLaw(before).act(values, g))
            assert relative(found, TensorLaw(after).act(layer(values), g)) < 1e-5, type(layer).__name__


def test_a_linear_layer_is_every_map_and_starts_as_a_projected_matrix(group: MatrixGroup) -> None:
    torch.manual_seed(0)
    hidden = Tensors.parse(group, "40S + 20V + 8T2")
    layer = EquivariantLinear(hidden, hidden)
    pairs = dict(hidden.pairs)
    maps = sum(pairs[p] * pairs[q] * len(linear_maps(group, p, q)) for p in pairs for q in pairs)
    constants = sum(pairs[q] * len(linear_maps(group, 0, q)) for q in pairs)
    assert sum(each.numel() for each in layer.parameters()) == maps + constants
    # a normal matrix of variance 1 / size keeps of every block as many dimensions as it has maps
    rows = layer.matrix().detach().split(list(hidden.widths))
    for q, blocks in zip(pairs, rows, strict=True):
        expected = pairs[q] * sum(pairs[p] * len(linear_maps(group, p, q)) for p in pairs) / hidden.size
        assert float(blocks.square().sum()) == pytest.approx(expected, rel=0.25)


def test_a_step_of_adam_moves_entries_as_it_moves_a_plain_layer(group: MatrixGroup) -> None:
    """Every map is as large as a matrix with entries of one where indices are joined."""
    hidden = Tensors.parse(group, "S + V + T2")
    layer = EquivariantLinear(hidden, hidden)
    for (i, p), (j, q) in product(enumerate((0, 1, 2)), enumerate((0, 1, 2))):
        if len(linear_maps(group, p, q)):
            for element in getattr(layer, f"basis_{j}_{i}"):
                assert float(element.norm()) == pytest.approx(group.dimension ** ((p + q) / 4), rel=1e-5)


def test_a_bilinear_layer_is_quadratic_and_not_zero(group: MatrixGroup) -> None:
    torch.manual_seed(0)
    layer = Bilinear(Tensors.parse(group, "2S + 2V + T2"))
    values = torch.randn(4, layer.tensors.size)
    assert relative(layer(3 * values), 9 * layer(values)) < 1e-5
    assert all(float(part.detach().abs().max()) > 0 for _, part in layer.tensors.parts(layer(values)))


@given(groups, st.integers(1, 500), st.integers(1, 2))
def test_numbers_are_spread_over_ranks(group: MatrixGroup, size: int, max_rank: int) -> None:
    tensors = spread(group, size, max_rank)
    assert tensors.size == size
    assert max(rank for rank, _ in tensors.pairs) <= max_rank
