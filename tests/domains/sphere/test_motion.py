"""Pictures, masks and functions are moved as the group says."""

from __future__ import annotations

import pytest
import torch

from bench.domains.sphere import RotationGroup
from bench.domains.sphere.action import resampled, turned
from bench.domains.sphere.data.canvas import INK, MaskOptions, SphereOptions
from bench.domains.sphere.data.digits import load as load_digits
from bench.domains.sphere.data.digits import load_masks
from bench.domains.sphere.motion import PictureMasks, PictureMotion, SignalMotion, stereographic
from bench.domains.sphere.transforms import (
    on_sphere,
    sphere_spectrum,
)
from tests.domains.sphere.signals import FLOAT32, close, haar, random


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
        motion = PictureMotion(6, "spline", True)
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
            motion, drawn = PictureMotion(8, "spline", filtered), haar(20)
            moved = motion.move(motion.prepare(pictures), (drawn,))
            expected = turned(motion.still(pictures), drawn)
            errors[filtered] = float((moved - expected).norm() / expected.norm())
        assert errors[True] < 0.02
        assert errors[False] > 5 * errors[True]

    def test_a_mask_goes_with_its_picture(self) -> None:
        data = load_masks(MaskOptions(bandwidth=12, most=1))
        pictures, masks = data.test.inputs[:50].float(), data.test.targets[:50]
        drawn = haar(50)
        values = PictureMotion(12, "bilinear", False).move(pictures, (drawn,))[:, 0]
        labels = PictureMasks(12).move(masks, (drawn,))
        assert labels.dtype == torch.uint8
        inside, outside = values[labels > 0], values[labels == 0]
        assert float((inside > INK).float().mean()) > 0.85
        assert float((outside > INK).float().mean()) < 0.05

    def test_every_pixel_of_a_mask_is_the_label_of_some_point_those_of_the_border_too(self) -> None:
        numbered = torch.arange(1, 145, dtype=torch.uint8).view(1, 12, 12).expand(50, 12, 12)
        labels = PictureMasks(12).move(numbered, (haar(50),))
        assert set(labels.unique().tolist()) == set(range(145))

    def test_the_control_moves_by_half_a_step_at_most(self) -> None:
        signals = on_sphere(sphere_spectrum(random(4, 1, 16, 16), 3), 8)
        for motion, values in ((SignalMotion(), signals), (PictureMotion(8, "spline", True), torch.rand(4, 1, 20, 20))):
            found = motion.resampled(values, torch.Generator().manual_seed(0))
            still = motion.still(values)
            assert 0 < float((found - still).norm()) < 0.5 * float(still.norm())
