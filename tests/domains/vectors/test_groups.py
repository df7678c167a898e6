"""The groups of vectors: their names, what is drawn of them, and probes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.domains.vectors import (
    MatrixGroup,
)
from bench.errors import UserError
from tests.domains.vectors.cases import NAMES, drawn, groups


@given(groups)
def test_a_group_prints_as_it_parses(group: MatrixGroup) -> None:
    assert MatrixGroup.parse(str(group)) == group


@pytest.mark.parametrize("text", ["", "O(1)", "O(9)", "SO(1,3)", "SO+(3)", "O(1,3) boost 0", "SO(2) boost 1", "C4"])
def test_an_unknown_group_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(UserError, match=r"known: O\(2\)"):
        MatrixGroup.parse(text)


@settings(max_examples=30)
@given(groups, st.floats(0, 1), st.integers(0, 99))
def test_what_is_drawn_keeps_the_metric(group: MatrixGroup, strength: float, seed: int) -> None:
    matrices, metric = drawn(group, 50, seed, strength), torch.diag(torch.as_tensor(group.metric))
    kept = matrices.mT @ metric @ matrices
    assert torch.allclose(kept, metric.expand_as(kept), atol=1e-4 * math.cosh(2 * group.boost))
    if not group.reflects:
        assert torch.allclose(torch.linalg.det(matrices), torch.ones(50, dtype=torch.float64), atol=1e-4)


@given(groups)
def test_strength_zero_is_the_identity(group: MatrixGroup) -> None:
    assert torch.allclose(drawn(group, 20, strength=0.0), torch.eye(group.dimension, dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("name", ["SO(3)", "O(3)", "SO(5)"])
def test_full_strength_is_the_haar_measure(name: str) -> None:
    """Every unit vector goes to a uniform one: its first coordinate, squared, is a Beta(1/2, (d - 1) / 2)."""
    group = MatrixGroup.parse(name)
    first = drawn(group, 20_000)[:, 0, 1].numpy()
    d = group.dimension
    assert stats.kstest(first**2, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > 1e-3
    determinants = torch.linalg.det(drawn(group, 20_000))
    assert float((determinants < 0).double().mean()) == pytest.approx(0.5 if group.reflects else 0, abs=0.02)


def test_of_three_dimensions_the_angle_is_a_share_of_a_haar_random_one() -> None:
    angles = []
    for strength in (1.0, 0.25):
        traces = drawn(MatrixGroup.parse("SO(3)"), 5000, strength=strength).diagonal(dim1=1, dim2=2).sum(1)
        angles.append(torch.rad2deg(((traces - 1) / 2).clamp(-1, 1).acos()))
    assert torch.allclose(angles[0] / 4, angles[1], atol=0.1)
    # Haar on SO(3): a density of (1 - cos angle) / 180 degrees
    cdf = lambda a: (np.radians(a) - np.sin(np.radians(a))) / np.pi  # noqa: E731
    assert stats.kstest(angles[0].numpy(), cdf).pvalue > 1e-3


def test_boosts_are_of_a_rapidity_up_to_the_bound() -> None:
    rapidities = torch.acosh(drawn(MatrixGroup.parse("SO+(1,3) boost 2"), 5000, strength=0.5)[:, 0, 0].clamp(min=1))
    assert stats.kstest(rapidities.numpy(), stats.uniform(0, 1).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_probes_are_what_their_names_say(name: str) -> None:
    group = MatrixGroup.parse(name)
    for g in group.probes({"rotation": [30.0, 90.0], "boost": [0.5, 2.0]}):
        matrix = g.matrix
        assert np.allclose(matrix.T @ np.diag(group.metric) @ matrix, np.diag(group.metric), atol=1e-9)
        assert np.allclose((~g).matrix @ matrix, np.eye(group.dimension), atol=1e-9)
        if g.kind == "rotation":
            # two eigenvalues turn by the angle, the others stay
            angles = np.degrees(np.abs(np.angle(np.linalg.eigvals(matrix))))
            assert sorted(np.round(angles, 6))[-2:] == pytest.approx([g.magnitude] * 2)
        if g.kind == "boost":
            assert matrix[0, 0] == pytest.approx(math.cosh(g.magnitude))
