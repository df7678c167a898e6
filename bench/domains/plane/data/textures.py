"""Patches of the photographs that come with scikit-image: which one is a patch of? It has no upright.

Each photograph is cut from left to right into a region for each split, so that no pixel is in two. A patch is drawn
anywhere in its region and standardised to one brightness and one contrast, so that the texture is what is left.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from bench.data.dataset import SPLIT_SEED, Dataset, Split
from bench.domains.plane.data.resize import SMALLEST
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import Options, datasets

#: By their names in `skimage.data`: masonry, plants, stones, stained tissue, galaxies, the retina, coins, fur.
CLASSES = ("brick", "grass", "gravel", "immunohistochemistry", "hubble_deep_field", "retina", "coins", "cat")

#: The shares of a photograph's width that are train, validation and test.
REGIONS = {"train": (0.0, 0.6), "validation": (0.6, 0.75), "test": (0.75, 1.0)}

#: What the photographs come with, where it is installed.
PACKAGE = "skimage"
MEAN, DEVIATION = 128, 48
#: The standard deviation of grey values above which something is on a patch.
LIVELY = 4


class TexturesOptions(Options):
    """How large the patches are, and how many."""

    size: int = Field(32, ge=SMALLEST, le=48, description="pixels on a side")
    patches: int = Field(
        150, ge=1, le=10_000, description="training patches of each photograph; a third of it to test with"
    )


@datasets.register("textures", options=TexturesOptions, version=1)
def load(options: TexturesOptions) -> Dataset:
    """Patches of eight photographs of scikit-image, 32x32 grey: which one? No upright; no download."""
    photographs = [photograph(name) for name in CLASSES]
    counts = {"train": options.patches, "validation": -(-options.patches // 3), "test": -(-options.patches // 3)}
    splits = {name: _split(photographs, name, count, options.size) for name, count in counts.items()}
    return of_images("textures", CLASSES, splits["train"], splits["validation"], splits["test"])


def photograph(name: str) -> NDArray[np.float64]:
    """Return a photograph (rows, columns) in grey values; UserError where scikit-image is missing."""
    try:
        data: Any = importlib.import_module(f"{PACKAGE}.data")
    except ImportError as error:
        raise UserError("textures needs scikit-image; python -m pip install 'equivaug[textures]'") from error
    pixels: NDArray[np.float64] = np.asarray(getattr(data, name)(), np.float64)
    return pixels if pixels.ndim == 2 else pixels[..., :3].mean(2)


def _split(photographs: list[NDArray[np.float64]], name: str, count: int, size: int) -> Split:
    draws = np.random.default_rng([SPLIT_SEED, list(REGIONS).index(name)])
    patches = []
    for pixels in photographs:
        left, right = (round(share * pixels.shape[1]) for share in REGIONS[name])
        lively: list[NDArray[np.float64]] = []
        while len(lively) < count:
            row, column = draws.integers(pixels.shape[0] - size + 1), draws.integers(left, right - size + 1)
            patch = pixels[row : row + size, column : column + size]
            # the dark around a retina, and between the stars, is no texture
            if patch.std() > LIVELY:
                lively.append(patch)
        patches += lively
    stacked = np.stack(patches)
    ends = (1, 2)
    standard = (stacked - stacked.mean(ends, keepdims=True)) / stacked.std(ends, keepdims=True)
    grey = np.rint(MEAN + DEVIATION * standard).clip(0, 255).astype(np.uint8)
    return Split(torch.from_numpy(grey)[:, None], torch.arange(len(photographs)).repeat_interleave(count))
