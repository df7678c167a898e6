"""Resampling by the cubic B-spline: against SciPy, as a group's action, and in what it costs a network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from bench.cell import Budget
from bench.data.dataset import Dataset, Split
from bench.domains.plane import ImageMotion, augmentation, cropped, of_images
from bench.execute.data import load_data
from bench.execute.job import run_cell
from bench.groups import (
    Element,
    Group,
    act,
    centred_disc,
    prefiltered,
    shifted,
    transform,
    transform_prefiltered,
)
from bench.registry import Options, datasets
from bench.seeds import generator
from tests import tolerances
from tests.fakes import make_cell
from tests.strategies import quarter_turns
from tests.textures import galaxies

#: Pixels from the border within which SciPy's mirrored border and our zeros are told apart: 0.27^7 is 1e-4.
BORDER = 7


def noise(count: int, size: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@given(st.floats(-180, 180), st.integers(20, 33))
@settings(max_examples=40)
def test_a_rotation_is_scipys_inside_the_image(degrees: float, size: int) -> None:
    image = noise(1, size, seed=size)
    turned = act(image, Element.rotation(degrees))[0, 0].numpy()
    expected = ndimage.rotate(image[0, 0].double().numpy(), degrees, reshape=False, order=3)
    axis = np.arange(size) - (size - 1) / 2
    inside = np.hypot(axis, axis[:, None]) <= size / 2 - BORDER
    np.testing.assert_allclose(turned[inside], expected[inside], atol=tolerances.SPLINE_OF_SCIPY)


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(18, 25))
@settings(max_examples=30)
def test_a_shift_is_scipys_inside_the_image(x: float, y: float, size: int) -> None:
    image = noise(1, size, seed=size)
    moved = shifted(image, torch.tensor([[x, y]]), "spline")[0, 0].numpy()
    expected = ndimage.shift(image[0, 0].double().numpy(), (y, x), order=3)
    inside = (slice(BORDER, -BORDER),) * 2
    np.testing.assert_allclose(moved[inside], expected[inside], atol=tolerances.SPLINE_OF_SCIPY)


@pytest.mark.parametrize("size", [16, 17])
def test_the_spline_goes_through_every_pixel_also_at_the_border(size: int) -> None:
    images = noise(3, size, dtype=torch.float64)
    still = shifted(images, torch.zeros(3, 2, dtype=torch.float64), "spline")
    torch.testing.assert_close(still, images, atol=tolerances.REPRESENTATION, rtol=0)
    # a whole pixel is a shift of the array
    right = shifted(images, torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(3, 2), "spline")
    torch.testing.assert_close(right[..., 1:], images[..., :-1], atol=tolerances.REPRESENTATION, rtol=0)


def test_a_cubic_polynomial_is_reproduced_between_the_pixels() -> None:
    """Splines of degree three reproduce cubics exactly; bilinear samples do not."""
    axis = torch.arange(41, dtype=torch.float64) - 20
    x, y = axis.expand(41, 41), axis[:, None].expand(41, 41)

    def cubic(x: Tensor, y: Tensor) -> Tensor:
        return (x**3 - 2 * x**2 * y + 3 * y**2 - x * y + 5) / 1000

    offset = torch.tensor([[0.3, -0.45]], dtype=torch.float64)
    error = {}
    for resampling in ("spline", "bilinear"):
        moved = shifted(cubic(x, y)[None, None], offset, resampling)[0, 0]  # type: ignore[arg-type]
        wrong = (moved - cubic(x - 0.3, y + 0.45))[12:-12, 12:-12]
        error[resampling] = float(wrong.abs().max())
    assert error["spline"] < 1e-5 < 1e-3 < error["bilinear"]


@given(st.sampled_from(quarter_turns()), st.integers(5, 14))
def test_the_prefilter_commutes_with_what_permutes_the_pixels(g: Element, size: int) -> None:
    images = noise(2, size)
    torch.testing.assert_close(
        prefiltered(act(images, g), "spline"), act(prefiltered(images, "spline"), g), atol=1e-5, rtol=0
    )


def test_prefiltering_a_data_set_once_gives_what_prefiltering_each_batch_gives() -> None:
    images = noise(32, 28)
    turns, mirrors = Group.parse("O(2)").sample(1.0, 32, torch.Generator().manual_seed(0))
    once = transform_prefiltered(prefiltered(images, "spline"), turns, mirrors, "spline")
    torch.testing.assert_close(once, transform(images, turns, mirrors), atol=tolerances.RESAMPLED_IN_FLOAT32, rtol=0)


def test_a_turn_and_its_inverse_lose_far_less_than_bilinearly() -> None:
    image = ndimage.gaussian_filter(noise(1, 40)[0, 0].double().numpy(), 1.0)
    image = torch.from_numpy(image - image.mean())[None, None]
    lost = {}
    for resampling in ("spline", "bilinear"):
        g = Element.rotation(30)
        back = act(act(image, g, resampling), ~g, resampling)  # type: ignore[arg-type]
        inside = centred_disc(image[..., 8:-8, 8:-8]).bool()
        before, after = (each[..., 8:-8, 8:-8][..., inside] for each in (image, back))
        lost[resampling] = float((after - before).norm() / before.norm())
    assert lost["spline"] < lost["bilinear"] / 5


# the disc


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_inputs_on_the_disc_have_one_outline_upright_and_moved(strength: float) -> None:
    images = 1 + noise(16, 21)
    moved = augmentation(Group.parse("SO(2)"), strength, crop="disc")(images, 0, "augmentation")
    assert torch.equal(moved != 0, (centred_disc(images) != 0).expand_as(moved))
    assert torch.equal(cropped(images, "none"), images)


def test_no_content_of_the_disc_is_moved_out_of_the_image() -> None:
    """A constant stays constant on the disc, but for the ringing at the image's own border."""
    images = torch.ones(64, 1, 32, 32)
    moved = augmentation(Group.parse("O(2)"), 1.0, crop="disc")(images, 0, "augmentation")
    axis = torch.arange(32) - 15.5
    inside = torch.hypot(axis[:, None], axis) <= 16 - BORDER
    assert (moved[..., inside] - 1).abs().max() < tolerances.SPLINE_OF_SCIPY


def test_the_control_resamples_each_image_by_its_own_fraction_of_a_pixel_and_moves_none() -> None:
    image, bump = torch.zeros(1, 1, 33, 33), torch.hann_window(11, periodic=False)[1:-1]
    image[..., 12:21, 12:21] = bump[:, None] * bump
    found = ImageMotion(Group(None), "spline", "disc").resampled(image.expand(400, -1, -1, -1), generator(0, "control"))
    assert len(torch.unique(found.flatten(1), dim=0)) == 400
    axis = torch.arange(33) - 16.0
    for weights in (axis, axis[:, None]):
        centre = (found * weights).sum((1, 2, 3)) / found.sum((1, 2, 3))
        assert centre.abs().max() <= 0.51
        # uniform in +-1/2: its mean is 0 and its standard deviation 1 / sqrt(12), each within four standard errors
        assert abs(float(centre.mean())) < 4 / (12 * 400) ** 0.5
        assert float(centre.std()) == pytest.approx(12**-0.5, abs=0.04)


# what it costs a network


@pytest.fixture
def sky() -> Iterator[None]:
    def load(options: Options) -> Dataset:
        """Galaxies."""
        return of_images("sky", ("compact", "resolved"), *(Split(*galaxies(n, n)) for n in (600, 200, 400)))

    datasets.register("sky", version=1)(load)
    yield
    del datasets._entries["sky"]


def accuracies(resampling: str, seed: int) -> dict[str, float]:
    """Return the scores of a plain network that was trained on the images as they are."""
    cell = make_cell(
        seed,
        dataset="sky",
        data_revision=load_data("sky", {}).revision,
        train_size=600,
        family="cnn",
        width=6.0,
        strength=0.0,
        resampling=resampling,
        budget=Budget(steps=200, batch_size=32, lr=0.01, evaluations=1),
    )
    run = run_cell(cell, "cpu", "exclusive").run
    assert run["status"] == "done", run["reason"]
    return {kind: run[f"{kind}_score"] for kind in ("test", "exact", "resampled", "transformed")}


def test_a_plain_network_loses_nothing_on_turned_images_that_have_no_orientation(sky: None) -> None:
    """Its transformed accuracy is within the seeds' noise of the upright one; bilinear resampling takes points away."""
    found = pd.DataFrame([accuracies("spline", seed) for seed in range(4)])
    upright = found["test"].mean()
    assert upright > 0.8
    # of the seeds, and of which 400 images are the test
    noise = (found["test"].var() + upright * (1 - upright) / 400) ** 0.5
    for kind in ("exact", "resampled", "transformed"):
        assert upright - found[kind].mean() <= noise, found
    bilinear = pd.DataFrame([accuracies("bilinear", seed) for seed in range(4)])
    assert bilinear[["test", "exact"]].equals(found[["test", "exact"]])
    # the control tells that it is the resampling: nothing was moved
    for kind in ("resampled", "transformed"):
        assert upright - bilinear[kind].mean() > noise, bilinear
