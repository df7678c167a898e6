"""Simulated lenses: deflections and images against lenstronomy, what the classes are, and which slips can be made."""

from __future__ import annotations

import math

import lenstronomy.Util.param_util as parameters
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lenstronomy.ImSim.image_model import ImageModel
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel
from pydantic import ValidationError
from torch import Tensor

from bench.domains.plane.data import lenses, lensing
from bench.domains.plane.data.lensing import LensingOptions, brightness, in_8_bits, seen, simulated

GRID = lenses.grid(24, 0.15)
X, Y = (part.numpy().ravel() for part in GRID.unbind(-1))
angles, ratios, sizes = st.floats(0, math.pi), st.floats(0.3, 0.99), st.floats(0.1, 2)


def one(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def close(ours: Tensor, theirs: tuple[np.ndarray, np.ndarray], relative: float = 1e-6) -> None:
    expected = np.stack(theirs, -1)
    assert np.abs(ours.reshape(-1, 2).numpy() - expected).max() <= relative * np.abs(expected).max()


@given(sizes, ratios, angles)
def test_the_ellipse_bends_light_as_that_of_lenstronomy(radius: float, ratio: float, angle: float) -> None:
    e1, e2 = parameters.phi_q2_ellipticity(angle, ratio)
    lens = {"theta_E": radius, "e1": e1, "e2": e2, "center_x": 0, "center_y": 0}
    ours = lenses.ellipse(GRID[None], one(radius), one(ratio), one(angle))
    close(ours, LensModel(["SIE"]).alpha(X, Y, [lens]), 1e-3)


@given(sizes, angles)
def test_a_circle_is_the_limit_of_ellipses(radius: float, angle: float) -> None:
    ours = lenses.ellipse(GRID[None], one(radius), one(1.0), one(angle))
    torch.testing.assert_close(ours.norm(dim=-1), torch.full(ours.shape[:-1], radius).double(), rtol=1e-5, atol=0)


@given(st.floats(0, 0.3), angles)
def test_the_shear_is_that_of_lenstronomy(size: float, angle: float) -> None:
    shear = {"gamma1": size * math.cos(2 * angle), "gamma2": size * math.sin(2 * angle), "ra_0": 0, "dec_0": 0}
    close(lenses.shear(GRID[None], one(size), one(angle)), LensModel(["SHEAR"]).alpha(X, Y, [shear]))


def test_a_smooth_lens_bends_light_as_that_of_caustics() -> None:
    functions = pytest.importorskip("caustics.lenses.func", reason="caustics needs Python 3.11")
    zero, (x, y) = one(0.0), GRID.unbind(-1)
    for radius, ratio, angle, size in ((1.66, 0.82, 0.4, 0.05), (0.9, 0.5, 2.0, 0.2)):
        bent = functions.reduced_deflection_angle_sie(zero, zero, one(ratio), one(angle), one(radius), x, y)
        gammas = one(size * math.cos(2 * angle)), one(size * math.sin(2 * angle))
        sheared = functions.reduced_deflection_angle_external_shear(zero, zero, *gammas, x, y)
        ours = lenses.ellipse(GRID[None], one(radius), one(ratio), one(angle))[0]
        ours += lenses.shear(GRID[None], one(size), one(angle))[0]
        theirs = torch.stack([bent[0] + sheared[0], bent[1] + sheared[1]], -1)
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_point_masses_add_and_none_is_none() -> None:
    places = torch.tensor([[[0.31, -0.42], [1.1, 0.2], [0.0, 0.7]]], dtype=torch.float64)
    radii = torch.tensor([[0.2, 0.05, 0.0]], dtype=torch.float64)
    masses = [
        {"theta_E": 0.2, "center_x": 0.31, "center_y": -0.42},
        {"theta_E": 0.05, "center_x": 1.1, "center_y": 0.2},
    ]
    close(lenses.points(GRID[None], places, radii), LensModel(["POINT_MASS"] * 2).alpha(X, Y, masses))


@settings(max_examples=20)
@given(st.floats(0.05, 2), angles)
def test_a_line_is_the_sum_of_its_points(half: float, angle: float) -> None:
    steps = half * torch.linspace(-1, 1, 4001, dtype=torch.float64)[1::2]
    places = torch.stack([steps * math.cos(angle), steps * math.sin(angle)], -1)[None]
    away = GRID.reshape(1, 1, -1, 2)
    far = away[:, :, torch.cdist(away[0, 0], places[0]).amin(1) > 0.02]
    ours = lenses.line(far, one(0.29), one(half), one(angle))
    theirs = lenses.points(far, places, torch.full((1, 2000), 0.29 / math.sqrt(2000)).double())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_the_ring_of_a_galaxy_is_as_large_as_published_cosmology_says() -> None:
    astropy = pytest.importorskip("astropy.cosmology")
    universe = astropy.FlatLambdaCDM(H0=lenses.HUBBLE, Om0=lenses.MATTER)
    near, far = (universe.angular_diameter_distance(z).value for z in (0.5, 1.0))
    between = far - near * 1.5 / 2  # of a flat universe
    expected = math.sqrt(4 * lenses.SUN * 1e12 * between / (near * far)) * lenses.ARCSECONDS
    assert float(lenses.einstein_radius(1e12)) == pytest.approx(expected, rel=1e-4)
    bright_near, bright_far = (universe.luminosity_distance(z).value for z in (0.5, 1.0))
    published = math.sqrt(4 * lenses.SUN * 1e12 * (bright_far - bright_near) / (bright_near * bright_far))
    slipped = float(lenses.einstein_radius(1e12, distances="luminosity"))
    assert slipped == pytest.approx(published * lenses.ARCSECONDS, rel=1e-4)
    assert slipped == pytest.approx(1.28, abs=0.005)


def test_the_image_of_a_smooth_lens_is_that_of_lenstronomy() -> None:
    """The whole chain but the noise: rays, source, blur and pixels."""
    from lenstronomy.Data.pixel_grid import PixelGrid
    from lenstronomy.Data.psf import PSF

    options = LensingOptions(size=64, pixel=0.1, psf=0.16)
    centre, q, angle = torch.tensor([[0.1, -0.2]], dtype=torch.float64), 0.7, 0.8
    rays = lenses.grid(64, 0.1, 4)[None]
    bent = rays - lenses.ellipse(rays, one(1.66), one(0.82), one(0.3)) - lenses.shear(rays, one(0.05), one(1.1))
    ours = lenses.sersic(bent, centre, one(0.25), one(q), one(angle), 1.0)
    deviation = options.psf / 2.3548 / options.pixel
    ours = torch.nn.functional.avg_pool2d(lenses.blurred(ours, 4 * deviation)[:, None], 4)[0, 0]

    grid = PixelGrid(64, 64, np.diag([0.1, -0.1]), -3.15, 3.15)
    e_lens, e_source = parameters.phi_q2_ellipticity(0.3, 0.82), parameters.phi_q2_ellipticity(angle, q)
    model = ImageModel(
        grid,
        PSF("GAUSSIAN", fwhm=0.16, pixel_size=0.1, truncation=5),
        LensModel(["SIE", "SHEAR"]),
        LightModel(["SERSIC_ELLIPSE"]),
        kwargs_numerics={"supersampling_factor": 4, "supersampling_convolution": True},
    )
    theirs = model.image(
        [
            {"theta_E": 1.66, "e1": e_lens[0], "e2": e_lens[1], "center_x": 0, "center_y": 0},
            {"gamma1": 0.05 * math.cos(2.2), "gamma2": 0.05 * math.sin(2.2), "ra_0": 0, "dec_0": 0},
        ],
        [
            {"amp": 1, "R_sersic": 0.25, "n_sersic": 1.0, "e1": e_source[0], "e2": e_source[1]}
            | {"center_x": 0.1, "center_y": -0.2}
        ],
        unconvolved=False,
    )
    scale = float(ours.max()) / theirs.max()
    assert np.abs(ours.numpy() - scale * theirs).max() < 0.01 * float(ours.max())


def test_blurring_keeps_the_light_and_exposure_its_mean() -> None:
    images = torch.zeros(1, 41, 41, dtype=torch.float64)
    images[0, 20, 20] = 1
    blurred = lenses.blurred(images, 2.0)
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-6)
    places = torch.arange(41) - 20.0
    assert float((blurred[0].sum(0) * places**2).sum()) == pytest.approx(4, rel=1e-3)
    flat = torch.full((4, 100, 100), 0.5, dtype=torch.float64)
    counted = lenses.exposed(flat, torch.full((4,), 1000.0), 0.1, torch.Generator().manual_seed(0))
    assert float(counted.mean()) == pytest.approx(0.5, rel=1e-3)
    assert float(counted.var()) == pytest.approx(0.6 / 1000, rel=0.03)


def images(**options: object) -> Tensor:
    return simulated(30, LensingOptions.model_validate(options), "test").inputs.double()


def test_images_are_of_the_seed_and_each_split_has_its_own() -> None:
    first, again = simulated(30, LensingOptions(), "test"), simulated(30, LensingOptions(), "test")
    other = simulated(30, LensingOptions(), "train")
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.equal(first.inputs, other.inputs)
    assert first.targets.bincount().tolist() == [10, 10, 10]
    assert first.inputs.amax((1, 2, 3)).eq(255).all()
    assert first.inputs.amin((1, 2, 3)).eq(0).all()


@pytest.mark.parametrize(
    ("slip", "classes"),
    [
        ({"orientation": "fixed"}, {0, 1, 2}),
        ({"subhalos": "fixed"}, {1}),
        ({"vortices": "short"}, {2}),
        ({"masses": "shallow"}, {1}),
        ({"distances": "luminosity"}, {0, 1, 2}),
    ],
)
def test_a_slip_changes_its_classes_and_no_other(slip: dict[str, str], classes: set[int]) -> None:
    for label in range(3):
        before = brightness(torch.full((6,), label), LensingOptions(), torch.Generator().manual_seed(3))
        after = brightness(
            torch.full((6,), label), LensingOptions.model_validate(slip), torch.Generator().manual_seed(3)
        )
        assert torch.equal(before, after) == (label not in classes)


def test_without_noise_an_image_is_what_its_rays_are() -> None:
    labels = torch.zeros(6, dtype=torch.int64)
    options = LensingOptions(noise="none")
    rays = brightness(labels, options, torch.Generator().manual_seed(0))
    one_telescope, another = (seen(rays, options, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(one_telescope, another)
    noisy = seen(rays, LensingOptions(), torch.Generator().manual_seed(0))
    assert 0.001 < float((noisy - one_telescope).std()) / float(one_telescope.max()) < 0.05


def test_orientation_is_uniform_unless_it_is_fixed() -> None:
    """The quadrupole of the light: its direction averages out where lenses turn, and does not where they never do."""

    def anisotropy(orientation: str) -> float:
        options = LensingOptions.model_validate({"orientation": orientation, "noise": "none"})
        light = in_8_bits(seen(brightness(torch.zeros(300).long(), options, draws()), options, draws())).double()
        x, y = lenses.grid(64, 0.1).unbind(-1)
        moments = torch.stack([(light * (x**2 - y**2)).sum((1, 2)), 2 * (light * x * y).sum((1, 2))], -1)
        moments /= (light * (x**2 + y**2)).sum((1, 2))[:, None]
        return float((moments.mean(0) / (moments.std(0) / math.sqrt(300))).abs().max())

    def draws() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    assert anisotropy("uniform") < 3 < 5 < anisotropy("fixed")


# of a power law, the share above M: (M / M_least)^-0.9 of the steep one, and nearly uniform in log M of the other
@pytest.mark.parametrize(("masses", "above"), [("steep", 10**-0.9), ("shallow", 1 - (10**0.1 - 1) / (10**0.4 - 1))])
def test_subhalos_have_the_masses_and_the_number_that_are_said(
    masses: str, above: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[tuple[Tensor, Tensor]] = []
    monkeypatch.setattr(lenses, "points", lambda rays, places, radii: placed.append((places, radii)) or rays)
    options = LensingOptions.model_validate({"masses": masses})
    lensing._subhalos(torch.zeros(2000, 1, 1, 2), options, torch.Generator().manual_seed(0))
    places, radii = placed[0]
    suns = (radii / lenses.einstein_radius(1e12)) ** 2 * 1e12
    there = suns > 0
    numbers = there.sum(1).double()
    assert float(numbers.mean()) == pytest.approx(25, abs=0.4)
    assert float(numbers.var()) == pytest.approx(25, rel=0.1)
    assert 0.99e6 < float(suns[there].min()) < 1.1e6
    assert 1e9 < float(suns[there].max()) < 1.01e10
    assert float((suns[there] > 1e7).double().mean()) == pytest.approx(above, rel=0.05)
    away = places.norm(dim=-1)
    assert 0.25 <= float(away.min()) < 0.26 < 1.99 < float(away.max()) <= 2


@pytest.mark.parametrize("odd", [{"pixel": 0}, {"size": 8}, {"orientation": "random"}, {"train": 3}, {"psf": -1}])
def test_options_that_make_no_image_are_refused(odd: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LensingOptions.model_validate(odd)
