"""Data on the sphere: pictures, masks, and a person's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.domains.sphere import DOMAIN, sphere_shape
from bench.domains.sphere.data import npz
from bench.domains.sphere.data.canvas import INK, MaskOptions, SphereOptions, canvases
from bench.domains.sphere.data.digits import load as load_digits
from bench.domains.sphere.data.npz import SphereNpzOptions
from bench.domains.sphere.transforms import (
    on_sphere,
    sphere_spectrum,
)
from bench.errors import UserError
from bench.execute.job import run_cell
from tests.domains.sphere.signals import random, suite


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
