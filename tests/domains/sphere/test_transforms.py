"""Fourier transforms on the sphere and on SO(3), there and back and against explicit sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.domains.sphere import transforms
from bench.domains.sphere.transforms import (
    integral,
    on_rotations,
    on_sphere,
    power,
    rotation_spectrum,
    sphere_spectrum,
    whole,
)
from bench.domains.sphere.wigner import colatitudes, longitudes, quadrature, wigner
from tests.domains.sphere.signals import FLOAT32, close, random, spectrum


class TestTransforms:
    @pytest.mark.parametrize("bandwidth", [2, 5, 10, 32, 64])
    def test_the_sphere_and_back(self, bandwidth: int) -> None:
        there = sphere_spectrum(random(2, 3, 2 * bandwidth, 2 * bandwidth), bandwidth)
        close(sphere_spectrum(on_sphere(there, bandwidth), bandwidth), there, FLOAT32)

    @pytest.mark.parametrize("bandwidth", [2, 5, 10, 24])
    def test_rotations_and_back(self, bandwidth: int) -> None:
        there = rotation_spectrum(random(1, 2, *[2 * bandwidth] * 3), bandwidth)
        close(rotation_spectrum(on_rotations(there, bandwidth), bandwidth), there, FLOAT32)

    def test_rotations_and_back_at_the_finest(self) -> None:
        """A quarter of a gigabyte of tables each way, which are not kept."""
        try:
            there = rotation_spectrum(random(1, 1, 128, 128, 128), 64)
            close(rotation_spectrum(on_rotations(there, 64), 64), there, FLOAT32)
        finally:
            transforms._tables.cache_clear()

    def test_a_finer_grid_shows_the_same_function(self) -> None:
        there = spectrum(4)
        close(rotation_spectrum(on_rotations(there, 9), 4), there, FLOAT32)

    def test_they_are_the_sums_that_they_stand_for(self) -> None:
        """Every coefficient is a sum over all points of the grid, with weights and Wigner's D, written out."""
        bandwidth = 3
        values = random(1, 1, 6, 6, 6)
        beta, gamma, alpha = np.meshgrid(colatitudes(3), longitudes(3), longitudes(3), indexing="ij")
        weights = np.repeat(quadrature(3), 36) / 36
        numbers = whole(rotation_spectrum(values, bandwidth))[0, 0].numpy()
        for degree in range(bandwidth):
            basis = wigner(degree, alpha.ravel(), beta.ravel(), gamma.ravel())
            expected = np.einsum("p,pmn->mn", weights * values.numpy().ravel(), basis)
            inner = slice(bandwidth - 1 - degree, bandwidth + degree)
            np.testing.assert_allclose(numbers[degree, inner, inner], expected, atol=1e-6)

    def test_parseval_and_the_integral(self) -> None:
        there = spectrum(5)
        values = on_rotations(there, 10)
        close(power(there), integral(values.square()), FLOAT32)
        close(integral(values), there[:, :, 0, 0, 4, 0], 1e-4)

    def test_gradients_are_those_of_the_sums(self) -> None:
        there = spectrum(3, 1, 1)
        one, other = random(1, 1, 8, 8, 8, seed=1), random(*there.shape, seed=2)
        values = one.clone().requires_grad_()
        (rotation_spectrum(values, 3) * other).sum().backward()
        assert values.grad is not None
        # the transform is linear: its derivative along `one` is what it makes of `one`
        assert float((values.grad * one).sum()) == pytest.approx(
            float((rotation_spectrum(one, 3) * other).sum()), rel=1e-4
        )

    def test_autocast_leaves_them_in_float32(self) -> None:
        values = random(1, 2, 8, 8, 8)
        with torch.autocast("cpu", torch.bfloat16):
            found = on_rotations(rotation_spectrum(values, 4), 4)
        assert found.dtype == torch.float32
        assert torch.equal(found, on_rotations(rotation_spectrum(values, 4), 4))
