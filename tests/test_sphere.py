"""The sphere: rotations, transforms against explicit sums, correlations, moves, data, networks and whole cells."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from e3nn import o3
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score
from torch import Tensor

from bench.domains.sphere import DOMAIN, Rotation, RotationGroup, RotationSpectra, Signals, sphere_shape, transforms
from bench.domains.sphere.action import grid_points, nearest, read_at, resampled, rotated, turned
from bench.domains.sphere.data import npz
from bench.domains.sphere.data.canvas import INK, MaskOptions, SphereOptions, canvases
from bench.domains.sphere.data.digits import load as load_digits
from bench.domains.sphere.data.digits import load_masks
from bench.domains.sphere.data.npz import SphereNpzOptions
from bench.domains.sphere.layers.blocks import RotationBlock, SpectrumNorm, ToSphere, _Normalise, grid_of
from bench.domains.sphere.layers.correlation import correlated
from bench.domains.sphere.layers.kernels import FullKernel, LocalKernel, ring_points
from bench.domains.sphere.models.s2cnn import INTEGRAL_OVERSAMPLING
from bench.domains.sphere.motion import PictureMasks, PictureMotion, SignalMotion, stereographic
from bench.domains.sphere.rotations import euler, matrices
from bench.domains.sphere.transforms import (
    integral,
    on_rotations,
    on_sphere,
    power,
    rotation_spectrum,
    sphere_spectrum,
    whole,
)
from bench.domains.sphere.wigner import colatitudes, longitudes, quadrature, small_d, wigner
from bench.errors import Impossible, UserError
from bench.execute.data import load_data
from bench.execute.job import run_cell, run_cells
from bench.measure import Inputs, equivariance_error
from bench.networks.matching import build
from bench.networks.network import Network
from bench.plan import make
from bench.registry import families, measurements
from bench.suite import parse
from bench.tasks import SEGMENTATION, task_of
from bench.tasks.segmentation import confusion, mean_iou, segmentation

SO3 = RotationGroup("SO(3)")
seeds = st.integers(0, 2**31)

#: Sums of a few thousand float32 numbers (measured: 4e-7).
FLOAT32 = 1e-5


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def haar(count: int, seed: int = 0, strength: float = 1.0, group: RotationGroup = SO3) -> Tensor:
    (quaternions,) = group.sample(strength, count, torch.Generator().manual_seed(seed))
    return quaternions


def element(seed: int) -> Rotation:
    return Rotation.of_quaternion(haar(1, seed)[0].tolist())


def spectrum(degrees: int, channels: int = 3, examples: int = 2, seed: int = 0) -> Tensor:
    """The spectrum of a random real function on SO(3), of whose coefficients all are about as large."""
    side = 2 * degrees
    found = rotation_spectrum(random(examples, channels, side, side, side, seed=seed), degrees)
    return found * torch.sqrt(torch.arange(degrees) * 2 + 1.0)[:, None, None, None]


def close(found: Tensor, expected: Tensor, relative: float) -> None:
    assert found.shape == expected.shape
    assert float((found - expected).detach().norm()) <= relative * float(expected.detach().norm())


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


class TestAction:
    def test_spherical_harmonics_of_e3nn_turn_as_functions_do(self) -> None:
        """f(g^-1 p) of a function that e3nn evaluates anywhere, against our rotation of its values on the grid."""
        bandwidth, coefficients = 6, random(16)

        def function(points: Tensor) -> Tensor:
            harmonics = torch.cat([o3.spherical_harmonics(degree, points, False) for degree in range(4)], -1)
            return harmonics @ coefficients

        grid, g = grid_points(bandwidth, torch.device("cpu")), element(5)
        still = function(grid).view(1, 1, 12, 12)
        expected = function(grid @ torch.tensor(g.matrix, dtype=torch.float32)).view(1, 1, 12, 12)
        close(Signals().act(still, g), expected, FLOAT32)
        close(Signals("spline").act(still, g), expected, 0.03)
        close(
            read_at(still, (grid @ torch.tensor(g.matrix, dtype=torch.float32))[None], "bilinear").view_as(still),
            expected,
            0.3,
        )

    @given(seeds, seeds)
    @settings(max_examples=10)
    def test_it_is_an_action(self, a: int, b: int) -> None:
        g, h, law, there = element(a), element(b), RotationSpectra(), spectrum(6)
        close(law.act(law.act(there, g), h), law.act(there, h @ g), FLOAT32)
        close(law.act(law.act(there, g), ~g), there, FLOAT32)

    def test_spectra_turn_as_the_functions_that_they_stand_for(self) -> None:
        """(T_g f)(h) = f(g^-1 h) on SO(3), every value as an explicit sum over the spectrum."""
        degrees, g = 4, element(3)
        there = spectrum(degrees, 1, 1)
        points = [element(seed) for seed in range(20)]

        def values(numbers: Tensor, at: list[Rotation]) -> list[float]:
            full, found = whole(numbers)[0, 0].numpy(), []
            for h in at:
                total = 0j
                for degree in range(degrees):
                    inner = slice(degrees - 1 - degree, degrees + degree)
                    basis = wigner(degree, *(np.array([angle]) for angle in h.euler))[0]
                    total += (2 * degree + 1) * (full[degree, inner, inner] * basis.conj()).sum()
                found.append(total.real)
            return found

        np.testing.assert_allclose(
            values(RotationSpectra().act(there, g), points), values(there, [~g @ h for h in points]), atol=1e-4
        )

    @pytest.mark.parametrize("resampling", ["spline", "bilinear", "harmonic"])
    def test_what_keeps_the_grid_resamples_nothing(self, resampling: str) -> None:
        signals = on_sphere(sphere_spectrum(random(2, 1, 16, 16), 8), 8)
        for g in RotationGroup("D4").elements:
            moved = Signals(resampling).act(signals, g)  # type: ignore[arg-type]
            close(moved.flatten().sort().values, signals.flatten().sort().values, FLOAT32)

    def test_masks_go_where_their_points_go(self) -> None:
        labels = torch.randint(0, 5, (2, 12, 12), generator=torch.Generator().manual_seed(0))
        for g in RotationGroup("D4").elements:
            moved = nearest(labels, torch.tensor([g.quaternion]))
            assert torch.equal(nearest(moved, torch.tensor([(~g).quaternion])), labels)
            read = resampled(labels[:, None].float(), torch.tensor([g.quaternion], dtype=torch.float32), "bilinear")
            assert torch.equal(moved, read[:, 0].round().long())
        assert set(nearest(labels, haar(2)).flatten().tolist()) <= set(labels.flatten().tolist())

    def test_each_example_turns_by_its_own(self) -> None:
        there, signals, drawn = spectrum(4), random(2, 1, 8, 8), haar(2)
        for i in range(2):
            close(rotated(there, drawn)[i], rotated(there[i : i + 1], drawn[i : i + 1])[0], FLOAT32)
            close(
                resampled(signals, drawn, "spline")[i],
                resampled(signals[i : i + 1], drawn[i : i + 1], "spline")[0],
                FLOAT32,
            )


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

    def test_its_integral_hardly_notices(self) -> None:
        there, g = spectrum(10, 8, 4), element(7)
        there = there / torch.sqrt(power(there).mean())
        for oversampling, limit in ((INTEGRAL_OVERSAMPLING, 1e-3), (2.0, 6e-4), (3.0, 2e-4)):
            grid = grid_of(10, oversampling)
            before, after = (
                integral(on_rotations(each, grid).relu()) for each in (there, RotationSpectra().act(there, g))
            )
            close(after, before, limit)

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


class TestMoves:
    def test_a_picture_lies_around_the_north_pole(self) -> None:
        points = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
        torch.testing.assert_close(stereographic(points, 20), torch.tensor([[9.5, 9.5], [19.5, 9.5], [9.5, -0.5]]))

    @pytest.mark.parametrize("resampling", ["spline", "bilinear", "harmonic"])
    def test_the_identity_leaves_a_picture_where_it_is(self, resampling: str) -> None:
        motion, pictures = (
            PictureMotion(6, resampling, False),
            torch.rand(3, 1, 20, 20, generator=torch.Generator().manual_seed(0)),
        )  # type: ignore[arg-type]
        still = PictureMotion(6, "bilinear" if resampling == "bilinear" else "spline", False).still(pictures)
        if resampling == "harmonic":
            still = on_sphere(sphere_spectrum(still, 6), 6)
        close(motion.still(pictures), still, FLOAT32)

    def test_a_picture_at_its_final_place_is_the_turned_projection(self) -> None:
        """At elements that keep the grid, rotating what was projected is projecting from turned points."""
        pictures = torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(0))
        motion = PictureMotion(6)
        for g in RotationGroup("D4").elements:
            quaternion = torch.tensor([g.quaternion], dtype=torch.float32)
            close(
                motion.move(motion.prepare(pictures), (quaternion,)),
                resampled(motion.still(pictures), quaternion, "spline"),
                1e-4,
            )

    def test_what_is_band_limited_is_the_same_function_at_every_place(self) -> None:
        """Read point by point, a picture that is finer than the grid is another one wherever it lies."""
        pictures = load_digits(SphereOptions()).test.inputs[:20].float()
        errors = {}
        for filtered in (True, False):
            motion, drawn = PictureMotion(8, filtered=filtered), haar(20)
            moved = motion.move(motion.prepare(pictures), (drawn,))
            expected = turned(motion.still(pictures), drawn)
            errors[filtered] = float((moved - expected).norm() / expected.norm())
        assert errors[True] < 0.02
        assert errors[False] > 5 * errors[True]

    def test_a_mask_goes_with_its_picture(self) -> None:
        data = load_masks(MaskOptions(bandwidth=12, most=1))
        pictures, masks = data.test.inputs[:50].float(), data.test.targets[:50]
        drawn = haar(50)
        values = PictureMotion(12, "bilinear", filtered=False).move(pictures, (drawn,))[:, 0]
        labels = PictureMasks(12).move(masks, (drawn,))
        assert labels.dtype == torch.uint8
        inside, outside = values[labels > 0], values[labels == 0]
        assert float((inside > INK).float().mean()) > 0.85
        assert float((outside > INK).float().mean()) < 0.05

    def test_the_control_moves_by_half_a_step_at_most(self) -> None:
        signals = on_sphere(sphere_spectrum(random(4, 1, 16, 16), 3), 8)
        for motion, values in ((SignalMotion(), signals), (PictureMotion(8), torch.rand(4, 1, 20, 20))):
            found = motion.resampled(values, torch.Generator().manual_seed(0))
            still = motion.still(values)
            assert 0 < float((found - still).norm()) < 0.5 * float(still.norm())


class TestData:
    def test_a_canvas_holds_its_picture_and_covers_none(self) -> None:
        data = load_digits(SphereOptions())
        split = data.train.take(torch.arange(200))
        drawn = canvases(split, 1, 4, torch.Generator().manual_seed(0))
        assert drawn.inputs.shape == (200, 1, 42, 42)
        counts = [(drawn.targets[i].unique().numel() - 1) for i in range(200)]
        assert set(counts) <= {1, 2, 3, 4}
        for i in range(50):
            assert int(split.targets[i]) + 1 in drawn.targets[i].unique()
            # every digit is whole: the ink of a canvas is that of the pictures on it
            assert bool(((drawn.targets[i] > 0) == (drawn.inputs[i, 0] > INK)).all())

    def test_the_published_number_of_pictures(self) -> None:
        drawn = canvases(
            load_digits(SphereOptions()).train.take(torch.arange(50)), 4, 4, torch.Generator().manual_seed(0)
        )
        quarters = drawn.targets.unfold(1, 21, 21).unfold(2, 21, 21)
        assert bool((quarters.flatten(3).amax(3) > 0).all())

    def test_options_are_refused_in_words(self) -> None:
        with pytest.raises(ValueError, match="bandwidth must be even"):
            SphereOptions(bandwidth=9)
        with pytest.raises(ValueError, match="3 or more and 2 or fewer"):
            MaskOptions(most=2, least=3)
        with pytest.raises(ValueError, match="even"):
            sphere_shape(5, 10, "classification")


class TestOwnData:
    @staticmethod
    def archive(tmp_path: Path, **arrays: np.ndarray) -> SphereNpzOptions:
        np.savez(tmp_path / "own.npz", **arrays)
        return SphereNpzOptions(path=tmp_path / "own.npz")

    def test_signals_with_classes_and_with_masks(self, tmp_path: Path) -> None:
        signals = random(100, 2, 8, 8).numpy()
        data = npz.load(self.archive(tmp_path, signals=signals, labels=np.arange(100) % 3))
        assert (data.shape.channels, data.shape.outputs, len(data.train)) == (2, 3, 70)
        masks = npz.load_masks(self.archive(tmp_path, signals=signals[:, 0], masks=(signals[:, 0] > 0).astype(int)))
        assert (masks.shape.channels, masks.shape.outputs, masks.names) == (1, 2, ("background", "1"))
        assert bool(((masks.train.inputs[:, 0] > 0) == (masks.train.targets > 0)).all())

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"signals": np.zeros((20, 8, 6)), "masks": np.zeros((20, 8, 6), int)}, "as many latitudes as longitudes"),
            ({"signals": np.zeros((20, 10, 10)), "masks": np.zeros((20, 10, 10), int)}, "a multiple of 4"),
            ({"signals": np.full((20, 8, 8), np.nan), "masks": np.zeros((20, 8, 8), int)}, "not all finite"),
            ({"signals": np.zeros((20, 8, 8)), "masks": np.zeros((20, 8, 8))}, "expected whole numbers of shape"),
            ({"signals": np.zeros((20, 8, 8)), "masks": np.zeros((20, 8, 8), int)}, "from 0 to 0"),
            ({"signals": np.zeros((20, 8, 8)), "masks": np.ones((20, 8, 8), int) * 300}, "from 300 to 300"),
            (
                {"signals": np.zeros((20, 8, 8)), "masks": np.eye(8, dtype=int)[None].repeat(20, 0)},
                "every split needs 10",
            ),
            ({"signals": np.zeros((20, 8, 8))}, "there is no array 'masks'"),
        ],
    )
    def test_what_is_not_such_is_one_sentence(
        self, arrays: dict[str, np.ndarray], message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(UserError, match=message):
            npz.load_masks(self.archive(tmp_path, **arrays))

    def test_they_are_moved_on_their_grid_and_masks_with_them(self, tmp_path: Path) -> None:
        smooth = on_sphere(sphere_spectrum(random(100, 1, 8, 8), 3), 4)
        self.archive(tmp_path, signals=smooth.numpy(), masks=(smooth[:, 0] > 0).numpy().astype(int))
        data = {"name": "sphere-npz-masks", "path": str(tmp_path / "own.npz"), "train_sizes": [30]}
        for cell in suite(tmp_path, "", data=data):
            assert run_cell(cell, "cpu", "exclusive").run["status"] == "done"
        of = DOMAIN.augmentation(sphere_shape(4, 2, "segmentation"), "D4", 1.0, "spline", "none")
        labels = (smooth[:, 0] > 0).to(torch.uint8)
        moved, kept = of.both(smooth, labels, 0, "test")
        assert float(((moved[:, 0] > 0) == (kept > 0)).float().mean()) > 0.99


class TestSegmentation:
    def test_the_score_is_the_mean_jaccard_index(self) -> None:
        truth = torch.randint(0, 5, (7, 9, 9), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
        logits = random(7, 5, 9, 9) + 2 * torch.nn.functional.one_hot(truth.long(), 5).movedim(-1, 1)
        expected = jaccard_score(truth.flatten(), logits.argmax(1).flatten(), labels=[1, 2, 3, 4], average="macro")
        assert SEGMENTATION.value(SEGMENTATION.tally(logits, truth)) == pytest.approx(expected, abs=1e-12)

    def test_points_count_by_their_area(self) -> None:
        truth = torch.tensor([[[1, 1], [2, 2]]], dtype=torch.uint8)
        logits = torch.nn.functional.one_hot(torch.tensor([[[1, 2], [2, 2]]]), 3).movedim(-1, 1).float()
        matrix = confusion(logits, truth, torch.tensor([[3.0], [1.0]]))
        torch.testing.assert_close(matrix, torch.tensor([[0.0, 0, 0], [0, 3, 3], [0, 0, 2]]).double())
        assert mean_iou(matrix) == pytest.approx((3 / 6 + 2 / 5) / 2)
        task = segmentation(torch.tensor([[3.0], [1.0]]))
        assert float(task.agree(logits, torch.nn.functional.one_hot(truth.long(), 3).movedim(-1, 1))) == pytest.approx(
            5 / 8
        )

    def test_the_sphere_gives_the_areas(self) -> None:
        shape = sphere_shape(4, 3, "segmentation")
        truth = torch.zeros(1, 8, 8, dtype=torch.uint8)
        truth[:, :4] = 1
        logits = torch.zeros(1, 3, 8, 8)
        logits[:, 1] = 1
        assert task_of(shape).value(task_of(shape).tally(logits, truth)) == pytest.approx(0.5)
        assert task_of(shape).constant(truth) == pytest.approx(0.5)

    def test_the_best_constant_answer_is_its_score(self) -> None:
        truth = torch.randint(0, 4, (3, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
        answers = [torch.nn.functional.one_hot(torch.full((3, 8, 8), c), 4).movedim(-1, 1).float() for c in range(4)]
        best = max(SEGMENTATION.value(SEGMENTATION.tally(answer, truth)) for answer in answers)
        assert SEGMENTATION.constant(truth) == pytest.approx(best)

    def test_wrong_masks_are_refused(self) -> None:
        with pytest.raises(ValueError, match="uint8"):
            SEGMENTATION.check(torch.zeros(2, 4, 4), 3)
        with pytest.raises(ValueError, match="between 0 and 2; found 3"):
            SEGMENTATION.check(torch.full((2, 4, 4), 3, dtype=torch.uint8), 3)


def network(name: str, task: str, width: float = 3, bandwidth: int = 8, **options: object) -> Network:
    entry = families[name]
    shape = sphere_shape(bandwidth, 11, task)
    return build(entry, entry.options.model_validate(options), shape, width, seed=0)


class TestMeasurements:
    def test_masks_are_counted_point_by_point(self) -> None:
        truth = torch.randint(0, 11, (5, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
        plain, values = network("sphere-cnn", "segmentation").eval(), random(5, 1, 16, 16)
        inputs = Inputs("trained", (values, truth), (values, truth), SO3, SEGMENTATION)
        found = measurements["masks"].make(measurements["masks"].options(), plain, inputs).run
        with torch.no_grad():
            answers = plain(values).argmax(1)
        assert found["point_accuracy_upright"] == pytest.approx(float((answers == truth).float().mean()), abs=1e-6)
        assert found["counted_iou_transformed"] == pytest.approx(
            jaccard_score(truth.flatten(), answers.flatten(), labels=list(range(1, 11)), average="macro"), abs=1e-9
        )

    def test_the_latency_is_that_of_an_answer(self) -> None:
        class Slow(torch.nn.Module):
            calls = 0

            def forward(self, values: Tensor) -> Tensor:
                Slow.calls += 1
                time.sleep(0.002 * len(values))
                return values

        values = random(40, 1, 4, 4)
        inputs = Inputs("trained", (values, values), (values, values), SO3, SEGMENTATION)
        options = measurements["latency"].options.model_validate({"batches": [1, 5, 64], "repeats": 3})
        found = measurements["latency"].make(options, Slow(), inputs).run
        assert set(found) == {"latency_1_ms", "latency_5_ms"}
        assert Slow.calls == 10
        assert found["latency_1_ms"] >= 2
        assert found["latency_5_ms"] >= 10


class TestNetworks:
    @pytest.mark.parametrize("task", ["classification", "segmentation"])
    @pytest.mark.parametrize("name", ["s2cnn", "sphere-cnn"])
    def test_outputs_are_those_of_the_task(self, name: str, task: str) -> None:
        outputs = network(name, task)(random(2, 1, 16, 16))
        assert outputs.shape == ((2, 11) if task == "classification" else (2, 11, 16, 16))

    @pytest.mark.parametrize("task", ["classification", "segmentation"])
    @pytest.mark.parametrize("options", [{}, {"kernel": "full"}, {"oversampling": 1.5}, {"rings": 2, "angles": 5}])
    def test_turns_that_keep_the_grid_are_exact(self, task: str, options: dict[str, object]) -> None:
        rows = equivariance_error(
            network("s2cnn", task, **options).eval(),
            random(3, 1, 16, 16),
            RotationGroup("D4").elements,
            task_of(sphere_shape(8, 11, task)),
        )
        assert max(row["error"] for row in rows) < 2e-5
        assert {row["layer"] for row in rows} == {"input", "block1", "block2", "block3", "output"}

    def test_oversampling_brings_every_rotation_closer(self) -> None:
        errors = {}
        for oversampling in (1.0, 2.0):
            rows = equivariance_error(
                network("s2cnn", "segmentation", kernel="full", oversampling=oversampling).eval(),
                random(2, 1, 16, 16),
                SO3.probes({"rotation": (45.0, 120.0)}),
                SEGMENTATION,
            )
            errors[oversampling] = max(row["error"] for row in rows if row["layer"] == "output")
        assert errors[2.0] < errors[1.0] / 3
        assert errors[2.0] < 0.05

    def test_the_plain_network_is_none_of_that(self) -> None:
        plain = network("sphere-cnn", "classification").eval()
        rows = equivariance_error(plain, random(3, 1, 16, 16), SO3.probes({"rotation": (90.0,)}))
        assert next(row["error"] for row in rows if row["layer"] == "output") > 0.05

    @pytest.mark.parametrize("task", ["classification", "segmentation"])
    def test_a_periodic_longitude_is_exact_for_steps_of_its_strides(self, task: str) -> None:
        plain, maps = network("sphere-cnn", task).eval(), random(2, 1, 16, 16)
        with torch.no_grad():
            before, after = plain(maps), plain(maps.roll(4, -1))
            expected = before if task == "classification" else before.roll(4, -1)
            close(after, expected, FLOAT32)
            padded = network("sphere-cnn", task, periodic=False).eval()
            assert (
                float(
                    (
                        padded(maps.roll(4, -1))
                        - (padded(maps) if task == "classification" else padded(maps).roll(4, -1))
                    ).norm()
                )
                > 1e-3
            )

    def test_the_published_sizes_of_networks_for_masks(self) -> None:
        """Gerken et al. 2022, from the features that the paper lists.

        It is not known how the skips of the CNNs are joined: here a decoder reads both, and the smallest is a quarter
        larger. Of the S2CNN the points of a kernel are inferred from the number of parameters.
        """
        published = {
            218_000: ((13, 15, 22, 31, 141), (5, 3, 9, 7, 3), (1, 1, 1, 1, 2)),
            1_000_000: ((12, 13, 16, 77, 96, 163), (3, 3, 5, 5, 3, 5), (1, 1, 1, 2, 1, 1)),
            5_500_000: ((12, 15, 16, 85, 141, 191, 1100), (3, 5, 3, 7, 5, 3, 3), (1, 1, 1, 2, 1, 1, 2)),
        }
        for size, (channels, sizes, strides) in published.items():
            made = network("sphere-cnn", "segmentation", 1, 50, channels=channels, kernel_sizes=sizes, strides=strides)
            assert sum(p.numel() for p in made.parameters()) == pytest.approx(size, rel=0.26)
        equivariant = network(
            "s2cnn",
            "segmentation",
            1,
            50,
            channels=(11, 12, 13, 14, 13, 12, 11),
            bands=(0.84, 0.7, 0.54, 0.4, 0.54, 0.7, 0.84),
            rings=3,
            angles=8,
            orientations=8,
        )
        assert sum(p.numel() for p in equivariant.parameters()) == pytest.approx(204_000, rel=0.1)

    def test_what_cannot_be_is_told(self) -> None:
        with pytest.raises(Impossible, match="do not divide"):
            network("sphere-cnn", "classification", bandwidth=6, strides=(2, 2, 2, 2))
        with pytest.raises(ValueError, match="one per block"):
            network("s2cnn", "classification", bands=(1.0,))
        with pytest.raises(ValueError, match="odd"):
            network("sphere-cnn", "classification", kernel_sizes=(4,))
        with pytest.raises(ValueError, match="rings is of local kernels"):
            network("s2cnn", "classification", kernel="full", rings=2)
        options = families["s2cnn"].options
        whole_options = options.model_validate({"kernel": "full"}).model_dump()
        assert options.model_validate(whole_options).model_dump() == whole_options


def suite(tmp_path: Path, name: str, **changes: object) -> list:
    text = {
        "name": "sphere",
        "data": {"name": name, "bandwidth": 6, "train_sizes": [64]},
        "augmentation": {"strengths": [0, 1]},
        "families": [{"family": "s2cnn", "width": 3}, {"family": "sphere-cnn", "width": 4}],
        "budget": {"steps": 3, "batch_size": 8, "lr": 0.001},
        "seeds": 1,
        **changes,
    }
    return list(make(parse(text), set(), "here").cells)


class TestCells:
    @pytest.mark.parametrize("data", ["spherical-digits", "spherical-digits-masks"])
    def test_whole_cells(self, tmp_path: Path, data: str) -> None:
        cells = suite(tmp_path, data)
        assert len(cells) == 4
        for cell in cells:
            record = run_cell(cell, "cpu", "exclusive")
            assert (record.run["status"], record.run["reason"]) == ("done", None)
            assert 0 <= record.run["test_score"] <= 1
            assert record.run["exact_score"] is not None
            assert {row["unit"] for row in record.equivariance} == {"degrees"}
        assert {cell.score for cell in cells} == {"accuracy" if data == "spherical-digits" else "mean_iou"}

    def test_copies_and_one_rotation_for_500_examples(self, tmp_path: Path) -> None:
        augmentation = {"group": "SO(3) by 500", "strengths": [1], "copies": [2]}
        for cell in suite(tmp_path, "spherical-digits-masks", augmentation=augmentation):
            assert run_cell(cell, "cpu", "exclusive").run["status"] == "done"

    def test_together_is_as_alone(self, tmp_path: Path) -> None:
        cells = [
            cell for cell in suite(tmp_path, "spherical-digits", seeds=2) if cell.family == "s2cnn" and cell.strength
        ]
        together = run_cells(cells, "cpu", "shared")
        for cell, record in zip(cells, together, strict=True):
            assert record.run["test_loss"] == run_cell(cell, "cpu", "exclusive").run["test_loss"]

    def test_a_planar_family_is_refused_in_words(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="takes inputs of the domain plane"):
            suite(tmp_path, "spherical-digits", families=[{"family": "cnn"}])

    def test_data_are_the_same_every_time(self) -> None:
        one, again = (load_masks(MaskOptions(bandwidth=6)) for _ in range(2))
        assert one.revision == again.revision
        assert one.revision == load_data("spherical-digits-masks", {"bandwidth": 6}).revision


def test_euler_angles_of_many_are_those_of_each() -> None:
    drawn = haar(5).double()
    for i in range(5):
        np.testing.assert_allclose(euler(drawn)[:, i], Rotation.of_quaternion(drawn[i].tolist()).euler, atol=1e-6)
