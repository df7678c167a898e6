"""Rotations: the group, Haar's measure, strengths, and names."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from e3nn import o3
from hypothesis import given
from hypothesis import strategies as st

from bench.domains.sphere import DOMAIN, Rotation, RotationGroup
from bench.domains.sphere.rotations import euler, matrices
from bench.errors import UserError
from tests.domains.sphere.signals import SO3, element, haar, seeds


class TestRotations:
    @given(seeds, seeds, seeds)
    def test_they_are_a_group(self, a: int, b: int, c: int) -> None:
        f, g, h = element(a), element(b), element(c)
        np.testing.assert_allclose(((f @ g) @ h).matrix, (f @ (g @ h)).matrix, atol=1e-12)
        np.testing.assert_allclose((g @ ~g).matrix, np.eye(3), atol=1e-12)
        np.testing.assert_allclose((f @ g).matrix, f.matrix @ g.matrix, atol=1e-12)
        assert Rotation() @ g == g

    @given(seeds)
    def test_euler_angles_give_the_matrix_back(self, seed: int) -> None:
        g = element(seed)
        alpha, beta, gamma = g.euler
        assert 0 <= beta <= math.pi
        found = o3.matrix_z(torch.tensor(alpha)) @ o3.matrix_y(torch.tensor(beta)) @ o3.matrix_z(torch.tensor(gamma))
        np.testing.assert_allclose(found, g.matrix, atol=1e-6)

    @pytest.mark.parametrize("name", ["C1", "C2", "C4", "D2", "D4"])
    def test_finite_groups_are_closed(self, name: str) -> None:
        group = RotationGroup.parse(name)
        them = group.elements
        assert len(set(them)) == len(them) == {"C": 1, "D": 2}[name[0]] * int(name[1])
        rounded = {tuple(g.matrix.round(6).flatten() + 0.0) for g in them}
        assert all(tuple((g @ h).matrix.round(6).flatten() + 0.0) in rounded for g in them for h in them)

    @pytest.mark.parametrize("name", ["SO(3)", "SO(2)", "C4", "D4", "SO(3) by 500", "SO(2) by 7"])
    def test_names_read_as_they_print(self, name: str) -> None:
        assert str(RotationGroup.parse(name)) == name
        assert str(DOMAIN.group(name)) == name

    @pytest.mark.parametrize("name", ["O(3)", "C3", "D4 by 2", "SO(3) by 0", "so(3)"])
    def test_other_names_are_refused_with_the_known(self, name: str) -> None:
        with pytest.raises(UserError, match=r"known: SO\(3\)"):
            RotationGroup.parse(name)

    def test_haar_means_that_no_direction_is_preferred(self) -> None:
        """Means of the matrices of degree 1 and 2 vanish, and the angle has the density 1 - cos."""
        drawn = haar(20_000)
        assert float(matrices(drawn).mean(0).abs().max()) < 0.02
        angles = 2 * torch.atan2(drawn[:, 1:].norm(dim=1), drawn[:, 0].abs())
        shares = ((angles - angles.sin()) / math.pi).sort().values
        assert float((shares - torch.linspace(0, 1, len(shares))).abs().max()) < 0.02

    @given(st.floats(0.01, 1), seeds)
    def test_strength_bounds_the_angle_and_weighs_it_as_haar_does(self, strength: float, seed: int) -> None:
        drawn = haar(500, seed, strength).double()
        angles = 2 * torch.atan2(drawn[:, 1:].norm(dim=1), drawn[:, 0].abs())
        largest = math.pi * strength
        assert float(angles.max()) <= largest + 1e-6
        shares = (angles - angles.sin()) / (largest - math.sin(largest))
        assert abs(float(shares.mean()) - 0.5) < 0.07

    def test_strength_zero_is_the_identity_in_every_group(self) -> None:
        for name in ("SO(3)", "SO(2)", "D4", "SO(3) by 3"):
            assert torch.equal(haar(7, 0, 0.0, RotationGroup.parse(name)).abs(), torch.tensor([[1.0, 0, 0, 0]] * 7))

    def test_a_block_of_examples_shares_its_rotation(self) -> None:
        drawn = haar(1200, group=RotationGroup.parse("SO(3) by 500"))
        assert len(drawn.unique(dim=0)) == 3
        assert torch.equal(drawn[:500], drawn[:1].expand(500, 4))
        assert len(haar(1200).unique(dim=0)) == 1200

    def test_probes_are_not_about_the_poles(self) -> None:
        for g in SO3.probes({"rotation": (45.0, 90.0)}):
            assert math.hypot(g.x, g.y) > 0.3 * abs(g.z)
        assert [g.magnitude for g in SO3.probes({"rotation": (45.0, 90.0)})] == [45, 90]


def test_euler_angles_of_many_are_those_of_each() -> None:
    drawn = haar(5).double()
    for i in range(5):
        np.testing.assert_allclose(euler(drawn)[:, i], Rotation.of_quaternion(drawn[i].tolist()).euler, atol=1e-6)
