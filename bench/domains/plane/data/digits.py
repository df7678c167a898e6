"""The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn: nothing to download."""

from __future__ import annotations

import torch
from pydantic import Field

from bench.data.dataset import SPLIT_SEED, Dataset, partition
from bench.domains.plane.data.resize import SMALLEST, resize
from bench.domains.plane.dataset import of_images
from bench.registry import Options, datasets

MARGIN = 2
SIZES = (1000, 297, 500)
WHITE = 16
"""The largest value of a pixel: each counts the ink in a 4 x 4 block of a bitmap."""


class DigitsOptions(Options):
    """Options of the digits."""

    size: int = Field(28, ge=SMALLEST, le=256, description="pixels on a side, margin included")


@datasets.register("digits", options=DigitsOptions, version=1)
def load(options: DigitsOptions) -> Dataset:
    """Digits of scikit-learn: 8x8, resampled to 28x28 grey, no download; 1,000 train, 297 validation, 500 test."""
    # imported here, so that listing the data sets does not cost a second
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = torch.from_numpy(bunch.images * (255 / WHITE)).round().to(torch.uint8).unsqueeze(1)
    # strokes reach the border of the 8 x 8 box; in 12 x 12 the largest centred disc holds the box, corners and all
    images = resize(torch.nn.functional.pad(grey, (MARGIN,) * 4), options.size)
    labels = torch.from_numpy(bunch.target).long()
    train, validation, test = partition(images, labels, SIZES, SPLIT_SEED)
    return of_images("digits", tuple("0123456789"), train, validation, test)
