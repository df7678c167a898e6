"""Wigner's matrices: representations, against e3nn's characters, and the quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from e3nn import o3

from bench.domains.sphere.wigner import colatitudes, quadrature, small_d, wigner
from tests.domains.sphere.signals import element


class TestWigner:
    @pytest.mark.parametrize("degree", [0, 1, 2, 7, 31, 64])
    def test_they_are_representations(self, degree: int) -> None:
        g, h = element(1), element(2)
        one, other, both = (wigner(degree, *(np.array([angle]) for angle in x.euler))[0] for x in (g, h, g @ h))
        np.testing.assert_allclose(one @ other, both, atol=1e-12)
        np.testing.assert_allclose(one @ one.conj().T, np.eye(2 * degree + 1), atol=1e-12)

    @pytest.mark.parametrize("degree", [1, 2, 5, 10])
    def test_characters_are_those_of_e3nn(self, degree: int) -> None:
        """Its matrices are real, in another basis and order of angles: their traces are those of ours."""
        for seed in range(4):
            g = element(seed)
            ours = wigner(degree, *(np.array([angle]) for angle in g.euler))[0].trace()
            axis, angle = o3.quaternion_to_axis_angle(torch.tensor(g.quaternion))
            theirs = o3.Irrep(degree, 1).D_from_axis_angle(axis, angle).trace()
            assert ours.imag == pytest.approx(0, abs=1e-10)
            assert ours.real == pytest.approx(float(theirs), abs=1e-3)

    def test_the_quadrature_integrates_what_it_promises(self) -> None:
        for bandwidth in (2, 5, 16):
            for degree in range(2 * bandwidth):
                found = quadrature(bandwidth) @ small_d(degree, colatitudes(bandwidth))[:, degree, degree]
                assert found == pytest.approx(float(degree == 0), abs=1e-13)
