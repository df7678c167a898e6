"""The digits that come with scikit-learn, on the sphere: nothing to download."""

from __future__ import annotations

import torch

from bench.data.dataset import SPLIT_SEED, Dataset, Split, partition
from bench.domains.sphere.data.canvas import MaskOptions, SphereOptions, classified, segmented, uint8
from bench.registry import datasets

CLASSES = tuple("0123456789")
SIZES = (1000, 297, 500)
WHITE = 16
#: Pixels on a side of the enlarged digit: two for each of 8, in a margin of 2, in which strokes at the border end.
SIDE = 20


def _pictures() -> tuple[Split, Split, Split]:
    """Return the 1,797 digits (N, 1, 20, 20): 8 x 8 enlarged to 16 x 16, bilinearly, with a margin."""
    # imported here, so that listing the data sets does not cost a second
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = torch.from_numpy(bunch.images * (255 / WHITE)).unsqueeze(1)
    larger = torch.nn.functional.interpolate(grey, scale_factor=2, mode="bilinear")
    margin = (SIDE - larger.shape[-1]) // 2
    images = uint8(torch.nn.functional.pad(larger, (margin,) * 4))
    train, validation, test = partition(images, torch.from_numpy(bunch.target).long(), SIZES, SPLIT_SEED)
    return train, validation, test


@datasets.register("spherical-digits", options=SphereOptions, version=1, domain="sphere")
def load(options: SphereOptions) -> Dataset:
    """Digits of scikit-learn on the sphere, no download; 1,000 train, 297 validation, 500 test."""
    return classified("spherical-digits", CLASSES, _pictures(), options)


@datasets.register("spherical-digits-masks", options=MaskOptions, version=1, domain="sphere", task="segmentation")
def load_masks(options: MaskOptions) -> Dataset:
    """One to four digits of scikit-learn on the sphere with their mask, no download; 1,000 train, 500 test."""
    return segmented("spherical-digits-masks", CLASSES, _pictures(), options)
