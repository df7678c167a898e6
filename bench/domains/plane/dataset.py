"""Data sets of images."""

from __future__ import annotations

import torch

from bench.data.dataset import Dataset, Split
from bench.domains.plane.shape import image_shape


def of_images(
    name: str, classes: tuple[str, ...], train: Split, validation: Split, test: Split, *, notes: tuple[str, ...] = ()
) -> Dataset:
    """Return the data set of splits of square uint8 images (N, C, S, S) with labels (N,), int64, of named classes.

    ``notes`` are sentences for the user, about what was left out or changed on the way.
    """
    pixels = train.inputs
    if pixels.dtype != torch.uint8 or pixels.dim() != 4 or pixels.shape[2] != pixels.shape[3]:
        raise ValueError(f"images must be uint8 (N, C, S, S), not {pixels.dtype} {tuple(pixels.shape)}")
    shape = image_shape(pixels.shape[1], pixels.shape[-1], len(classes))
    return Dataset(name, shape, train, validation, test, names=classes, notes=notes)
