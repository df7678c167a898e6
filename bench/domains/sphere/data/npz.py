"""A user's own functions on the sphere in one NumPy archive, with classes or with masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from bench.data.archive import arrays, as_labels
from bench.data.cache import expanded
from bench.data.dataset import SPLIT_SEED, Dataset, Split, partition
from bench.data.shares import ShareOptions, cut
from bench.domains.sphere.shape import sphere_shape
from bench.errors import UserError
from bench.registry import datasets
from bench.tasks import SEGMENTATION

#: The least examples of a split: fewer say nothing of a score.
FEWEST = 10
LEAST_SIDE, MOST_CLASSES = 8, 256


class SphereNpzOptions(ShareOptions):
    """Options of a NumPy archive of functions on the sphere."""

    path: Path = Field(
        description="an .npz file with arrays 'signals' and 'labels' or 'masks'; from the working directory on"
    )


def as_signals(values: NDArray[np.generic], where: str) -> Tensor:
    """Return functions (N, 2b, 2b) or (N, C, 2b, 2b), b even, as float32 (N, C, 2b, 2b); UserError for others.

    Latitudes from the north pole, pi (2j + 1) / 4b, and longitudes, 2 pi k / 2b: the grid of Driscoll and Healy.
    """
    shaped = values[:, None] if values.ndim == 3 else values
    square = shaped.ndim == 4 and shaped.shape[2] == shaped.shape[3]
    if not square or shaped.shape[2] % 4 or shaped.shape[2] < LEAST_SIDE or 0 in shaped.shape:
        raise UserError(
            f"{where}: 'signals' has shape {values.shape}; accepted are (N, 2b, 2b) and (N, C, 2b, 2b), as many "
            f"latitudes as longitudes, {LEAST_SIDE} or more and a multiple of 4"
        )
    if values.dtype.kind not in "biuf" or not np.isfinite(values.astype(np.float64)).all():
        raise UserError(f"{where}: 'signals' holds {values.dtype} values that are not all finite numbers")
    return torch.from_numpy(np.ascontiguousarray(shaped, dtype=np.float32))


def as_masks(values: NDArray[np.generic], signals: Tensor, where: str) -> Tensor:
    """Return labels of points (N, 2b, 2b), uint8, 0 for the background; UserError for others."""
    expected = (len(signals), *signals.shape[2:])
    if values.shape != expected or values.dtype.kind not in "iu":
        raise UserError(
            f"{where}: 'masks' is {values.dtype} of shape {values.shape}; expected whole numbers of shape {expected}"
        )
    least, most = int(values.min()), int(values.max())
    if not 0 <= least < most < MOST_CLASSES:
        raise UserError(
            f"{where}: 'masks' holds values from {least} to {most}; expected 0 for the background and 1 to "
            f"{MOST_CLASSES - 1} for classes, at least one"
        )
    return torch.from_numpy(values.astype(np.uint8))


@datasets.register("sphere-npz", options=SphereNpzOptions, version=1, domain="sphere")
def load(options: SphereNpzOptions) -> Dataset:
    """Your own functions on the sphere and their classes in one .npz file, split by shares."""
    where = str(options.path)
    values, raw = arrays(expanded(options.path), ("signals", "labels"))
    signals = as_signals(values, where)
    labels = as_labels(raw, len(signals), where)
    names = tuple(str(label) for label in range(int(labels.max()) + 1))
    train, validation, test = cut(Split(signals, labels), (options.validation, options.test), names, where)
    shape = sphere_shape(signals.shape[-1] // 2, len(names), "classification", signals.shape[1])
    return Dataset("sphere-npz", shape, train, validation, test, names)


@datasets.register("sphere-npz-masks", options=SphereNpzOptions, version=1, domain="sphere", task="segmentation")
def load_masks(options: SphereNpzOptions) -> Dataset:
    """Your own functions on the sphere and their masks (0 is background) in one .npz file, split by shares."""
    where = str(options.path)
    values, raw = arrays(expanded(options.path), ("signals", "masks"))
    signals = as_signals(values, where)
    masks = as_masks(raw, signals, where)
    sizes = tuple(round(share * len(signals)) for share in (options.validation, options.test))
    if min(*sizes, len(signals) - sum(sizes)) < FEWEST:
        raise UserError(f"{where}: {len(signals)} examples are too few: every split needs {FEWEST}")
    rest = len(signals) - sum(sizes)
    train, validation, test = partition(signals, masks, (rest, *sizes), SPLIT_SEED, SEGMENTATION)
    outputs = int(masks.max()) + 1
    shape = sphere_shape(signals.shape[-1] // 2, outputs, "segmentation", signals.shape[1])
    names = ("background", *(str(label) for label in range(1, outputs)))
    return Dataset("sphere-npz-masks", shape, train, validation, test, names)
