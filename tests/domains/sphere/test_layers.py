"""Correlations against sums over the group, normalisation, and what a rectifier costs on a grid."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from bench.domains.sphere import RotationSpectra, Signals
from bench.domains.sphere.layers.blocks import RotationBlock, SpectrumNorm, ToSphere, _Normalise, grid_of
from bench.domains.sphere.layers.correlation import correlated
from bench.domains.sphere.layers.kernels import FullKernel, LocalKernel, ring_points
from bench.domains.sphere.models.s2cnn import INTEGRAL_OVERSAMPLING
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
from tests.domains.sphere.signals import close, element, network, random, seeds, spectrum


def test_a_local_kernel_has_its_numbers_on_rings_each_in_orientations_that_part_the_circle() -> None:
    rings, angles, reach, orientations = 2, 6, 40.0, 5
    alpha, beta, gamma = ring_points(rings, angles, reach, orientations).view(orientations, -1, 3).unbind(-1)
    assert alpha.shape == (orientations, 1 + rings * angles)
    turns = torch.arange(orientations, dtype=torch.float64)[:, None] * 2 * math.pi / orientations
    torch.testing.assert_close(alpha + gamma, turns.expand_as(alpha))
    assert beta[0].rad2deg().tolist() == pytest.approx([0.0, *[20.0] * angles, *[40.0] * angles])
    assert alpha[0, 1 : 1 + angles].rad2deg().tolist() == pytest.approx([0.0, 60.0, 120.0, 180.0, 240.0, 300.0])
    assert (alpha == alpha[0]).all()
    assert (beta == beta[0]).all()
    on_the_sphere = ring_points(rings, angles, reach, 0)
    assert torch.equal(on_the_sphere[:, :2], torch.stack([alpha[0], beta[0]], 1))
    assert not on_the_sphere[:, 2].any()


@pytest.mark.parametrize(
    "kernel", [lambda: LocalKernel(16, 32, 6, ring_points(2, 6, 40.0, 5)), lambda: FullKernel(16, 32, 6, True)]
)
def test_numbers_of_a_kernel_begin_at_the_scale_that_keeps_the_variance(kernel: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    values = kernel().values.detach()
    values = values * math.sqrt(16 * values.shape[-1])
    error = 1 / math.sqrt(values.numel())
    assert abs(float(values.mean())) < 5 * error
    assert float(values.std()) == pytest.approx(1, abs=5 * error)


def test_what_comes_to_the_sphere_has_the_size_of_what_went_in_as_nothing_normalises_it() -> None:
    torch.manual_seed(0)
    kernel = FullKernel(16, 32, 6, False)
    before = kernel.values.detach().clone()
    ToSphere(kernel, 32, 6, 6)
    torch.testing.assert_close(kernel.values.detach(), before * math.sqrt(before.shape[-1]))


class TestCorrelations:
    def test_they_are_integrals_over_the_group(self) -> None:
        """(psi * f)(g) = integral of f(h) psi(g^-1 h), each value an explicit sum over a grid of rotations."""
        degrees, grid = 3, 3
        there = spectrum(degrees, 1, 1)
        kernel = whole(spectrum(degrees, 1, 1, seed=5))
        found = whole(correlated(there, kernel, degrees))[0, 0].numpy()
        values = on_rotations(there, grid)[0, 0].numpy()
        weights = quadrature(grid)[:, None, None] / (2 * grid) ** 2
        beta, gamma, alpha = (
            each.ravel() for each in np.meshgrid(colatitudes(grid), longitudes(grid), longitudes(grid), indexing="ij")
        )
        y = kernel[0, 0].numpy()
        for seed in range(5):
            g = element(seed)
            own = [wigner(degree, *(np.array([angle]) for angle in g.euler))[0] for degree in range(degrees)]
            psi, direct = np.zeros(len(beta)), 0j
            for degree in range(degrees):
                inner = slice(degrees - 1 - degree, degrees + degree)
                basis = own[degree].conj().T @ wigner(degree, alpha, beta, gamma)  # D(g^-1 h)
                psi = psi + (2 * degree + 1) * (y[degree, inner, inner] * basis.conj()).sum((1, 2)).real
                direct += (2 * degree + 1) * (found[degree, inner, inner] * own[degree].conj()).sum()
            assert direct.real == pytest.approx(float(((weights * values).ravel() * psi).sum()), abs=1e-4)

    @pytest.mark.parametrize("kernel", ["local", "full"])
    @given(seeds)
    @settings(max_examples=5)
    def test_every_linear_layer_commutes_with_every_rotation(self, kernel: str, seed: int) -> None:
        degrees, g = 8, element(seed)

        def kernels(on_rotations: bool) -> Tensor:
            torch.manual_seed(0)
            if kernel == "full":
                made: Tensor = FullKernel(3, 4, degrees, on_rotations)()
            else:
                made = LocalKernel(3, 4, degrees, ring_points(2, 6, 40.0, 5 if on_rotations else 0))()
            return made

        with torch.no_grad():
            signals = on_sphere(sphere_spectrum(random(2, 3, 16, 16), degrees), degrees)
            lifted = correlated(sphere_spectrum(signals, degrees), kernels(False), degrees)
            moved = correlated(sphere_spectrum(Signals().act(signals, g), degrees), kernels(False), degrees)
            close(moved, RotationSpectra().act(lifted, g), 1e-4)
            there = spectrum(degrees)
            after = correlated(there, kernels(True), degrees)
            close(
                correlated(RotationSpectra().act(there, g), kernels(True), degrees),
                RotationSpectra().act(after, g),
                1e-4,
            )
            down = ToSphere(FullKernel(3, 2, degrees, on_rotations=False), 2, degrees, degrees)
            close(down(RotationSpectra().act(there, g)), Signals().act(down(there), g), 1e-4)

    @pytest.mark.parametrize("on_group", [False, True])
    def test_kernels_are_real_functions(self, on_group: bool) -> None:
        """F^l_-n,-k = (-1)^(n - k) conj(F^l_nk)."""
        for kernel in (
            FullKernel(2, 2, 5, on_group),
            LocalKernel(2, 2, 5, ring_points(1, 6, 30, 4 if on_group else 0)),
        ):
            with torch.no_grad():
                numbers = kernel()
            n = torch.arange(-4, 5)
            k = n if on_group else torch.zeros(1, dtype=torch.int64)
            signs = 1 - 2 * ((n[:, None] - k) % 2)
            torch.testing.assert_close(numbers.flip(-2, -1).conj() * signs, numbers, rtol=1e-5, atol=1e-6)

    def test_no_point_of_a_kernel_comes_twice(self) -> None:
        points = ring_points(2, 6, 30.0, 6)
        rotations = torch.cat([points[:, :1] + points[:, 2:], points[:, :2]], 1)
        assert len(points) == 6 * (1 + 2 * 6)
        assert len(torch.from_numpy(np.unique((rotations % (2 * math.pi)).round(decimals=9).numpy(), axis=0))) == len(
            points
        )

    def test_the_normalisation_is_that_of_the_functions(self) -> None:
        there, norm = spectrum(4, 3, 5), SpectrumNorm(3)
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
            norm.bias.copy_(torch.tensor([0.5, 0.0, -1.0]))
        values = on_rotations(norm(there), 8)
        close(integral(values).mean(0), norm.bias, 1e-3)
        close((integral(values.square()).mean(0) - norm.bias**2).sqrt(), norm.weight, 1e-3)
        for _ in range(200):
            norm(there)
        close(norm.eval()(there), norm.train()(there), 1e-3)

    def test_its_derivative_is_the_derivative(self) -> None:
        there = spectrum(3, 2, 2).double().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda *given: _Normalise.apply(*given)[0],
            (there, random(2).double().requires_grad_(), random(2, seed=1).double().requires_grad_()),
            eps=1e-6,
            atol=1e-5,
        )


class TestRectifier:
    #: What one rectifier at a band limit of 10 costs, by how fine its grid is (REFERENCES.md).
    MEASURED = ((1.0, 0.14), (1.5, 0.026), (2.0, 0.010), (3.0, 0.003))

    @pytest.mark.parametrize(("oversampling", "published"), MEASURED)
    def test_it_breaks_the_law_by_as_much_as_its_grid_is_coarse(self, oversampling: float, published: float) -> None:
        there, g = spectrum(10, 8, 4), element(7)
        # coefficients of one size, as white noise has after the weights of its degrees
        there = there / torch.sqrt(power(there).mean())
        grid = round(10 * oversampling)

        def rectified(numbers: Tensor) -> Tensor:
            return rotation_spectrum(on_rotations(numbers, grid).relu(), 10)

        moved, expected = rectified(RotationSpectra().act(there, g)), RotationSpectra().act(rectified(there), g)
        error = float((power(moved - expected).sum() / power(expected).sum()).sqrt())
        assert published / 1.5 < error < 1.5 * published

    def test_its_integral_hardly_notices_on_a_grid_fine_enough(self) -> None:
        there, g = spectrum(10, 8, 4), element(7)
        there = there / torch.sqrt(power(there).mean())

        def change(grid: int) -> float:
            before, after = (
                integral(on_rotations(each, grid).relu()) for each in (there, RotationSpectra().act(there, g))
            )
            return float((after - before).norm() / before.norm())

        for oversampling, limit in ((INTEGRAL_OVERSAMPLING, 1e-3), (2.0, 6e-4), (3.0, 2e-4)):
            assert change(grid_of(10, oversampling)) < limit
        # what the grid of the band limit itself would give
        assert 2e-3 < change(10) < 5e-3

    def test_classes_rest_on_integrals_over_a_fine_grid(self) -> None:
        """Rotated spectra instead of rotated inputs: what is left is the last block's own."""
        block = network("s2cnn", "classification", 4, 10, kernel="full", channels=[1], bands=[1.0]).stages["block1"]
        assert isinstance(block, RotationBlock)
        assert (block.grid, block.keep) == (16, 0)
        signals = on_sphere(sphere_spectrum(random(8, 1, 20, 20), 10), 10)
        with torch.no_grad():
            close(block(Signals().act(signals, element(7))), block(signals), 1e-3)

    def test_grids_have_quarter_turns(self) -> None:
        assert [grid_of(5, 1.0), grid_of(6, 1.0), grid_of(10, 1.5), grid_of(7, 2.0)] == [6, 6, 16, 14]

    def test_a_finer_grid_makes_a_network_more_equivariant(self) -> None:
        errors = []
        for oversampling in (1.0, 2.0):
            torch.manual_seed(0)
            kernel = FullKernel(1, 4, 8, on_rotations=False)
            block = RotationBlock(kernel, 4, 8, grid_of(8, oversampling), 8).eval()
            signals, g = on_sphere(sphere_spectrum(random(2, 1, 16, 16), 8), 8), element(1)
            with torch.no_grad():
                moved, expected = block(Signals().act(signals, g)), RotationSpectra().act(block(signals), g)
            errors.append(float((power(moved - expected).sum() / power(expected).sum()).sqrt()))
        assert errors[1] < errors[0] / 3
