"""A hundred simulated lenses of 64 pixels beside as many smooth ones of lenstronomy, twice as fine (`tox -e bench`)."""

from __future__ import annotations

import numpy as np
import pytest
from lenstronomy.Data.pixel_grid import PixelGrid
from lenstronomy.Data.psf import PSF
from lenstronomy.ImSim.image_model import ImageModel
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel

from bench.domains.plane.data.lensing import LensingOptions, simulated

COUNT = 100


def ours() -> None:
    simulated(COUNT, LensingOptions(), "train")


def of_lenstronomy() -> None:
    """The mean number of point masses in the lenses of one class of three, the same rays and blur, no noise."""
    blur = PSF("GAUSSIAN", fwhm=0.16, pixel_size=0.1, truncation=5)
    numerics = {"supersampling_factor": 2, "supersampling_convolution": True}
    smooth = [
        {"theta_E": 1.66, "e1": 0.1, "e2": 0.0, "center_x": 0, "center_y": 0},
        {"gamma1": 0.05, "gamma2": 0.0, "ra_0": 0, "dec_0": 0},
    ]
    source = [{"amp": 1, "R_sersic": 0.25, "n_sersic": 1.0, "e1": 0.1, "e2": 0.0, "center_x": 0.1, "center_y": -0.2}]
    for i in range(COUNT):
        points = 25 if i % 3 == 1 else 0
        masses = [{"theta_E": 0.02, "center_x": 0.1 * k - 1.2, "center_y": 0.3} for k in range(points)]
        ImageModel(
            PixelGrid(64, 64, np.diag([0.1, -0.1]), -3.15, 3.15),
            blur,
            LensModel(["SIE", "SHEAR", *["POINT_MASS"] * points]),
            LightModel(["SERSIC_ELLIPSE"]),
            kwargs_numerics=numerics,
        ).image([*smooth, *masses], source)


@pytest.mark.parametrize("simulate", [of_lenstronomy, ours])
def test_simulating_lenses(benchmark, simulate) -> None:
    benchmark.group = f"{COUNT} lenses of 64 pixels, one in three with 25 subhalos"
    benchmark.pedantic(simulate, rounds=3, warmup_rounds=1)
