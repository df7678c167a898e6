"""A user's own images in one NumPy archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from bench.data.archive import arrays, as_labels
from bench.data.cache import expanded
from bench.data.dataset import Dataset, Split
from bench.data.shares import ShareOptions, cut
from bench.domains.plane.data.resize import SMALLEST, resize
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import datasets

MOST_CHANNELS = 4


class NpzOptions(ShareOptions):
    """Options of a NumPy archive."""

    path: Path = Field(description="an .npz file with arrays 'images' and 'labels'; from the working directory on")
    size: int | None = Field(None, ge=SMALLEST, le=1024, description="pixels on a side; leave out to keep them")


def as_images(pixels: NDArray[np.generic], where: str) -> torch.Tensor:
    """Return (N, S, S), (N, S, S, C) or (N, C, S, S) values as uint8 (N, C, S, S); UserError for others.

    Accepted are booleans, whole numbers from 0 to 255 and floats from 0 to 1.
    """
    shape = pixels.shape
    if len(shape) == 4 and shape[1] == shape[2] and shape[3] <= MOST_CHANNELS:
        pixels = np.moveaxis(pixels, 3, 1)
    elif len(shape) == 3 and shape[1] == shape[2]:
        pixels = pixels[:, None]
    elif not (len(shape) == 4 and shape[1] <= MOST_CHANNELS and shape[2] == shape[3]):
        raise UserError(f"{where}: 'images' has shape {shape}; accepted are (N, S, S), (N, S, S, C) and (N, C, S, S)")
    if 0 in pixels.shape:
        raise UserError(f"{where}: 'images' has shape {shape}, which is no image at all")
    top = 255 if pixels.dtype.kind in "iu" else 1
    if pixels.dtype.kind not in "biuf" or not (pixels.min() >= 0 and pixels.max() <= top):
        raise UserError(
            f"{where}: 'images' holds {pixels.dtype} values that are not all in range; "
            "accepted are whole numbers from 0 to 255, floats from 0 to 1 and booleans"
        )
    grey = pixels if top == 255 else np.rint(pixels.astype(np.float64) * 255)
    return torch.from_numpy(np.ascontiguousarray(grey, dtype=np.uint8))


@datasets.register("npz", options=NpzOptions, version=1)
def load(options: NpzOptions) -> Dataset:
    """Your own images and labels in one .npz file, split by shares."""
    where = str(options.path)
    pixels, values = arrays(expanded(options.path), ("images", "labels"))
    images = as_images(pixels, where)
    if options.size is None and images.shape[-1] < SMALLEST:
        raise UserError(
            f"{where}: 'images' has {images.shape[-1]} pixels on a side; give 'size', at least {SMALLEST}, to resample"
        )
    labels = as_labels(values, len(images), where)
    classes = tuple(str(label) for label in range(int(labels.max()) + 1))
    whole = Split(resize(images, options.size or images.shape[-1]), labels)
    train, validation, test = cut(whole, (options.validation, options.test), classes, where)
    return of_images("npz", classes, train, validation, test)
