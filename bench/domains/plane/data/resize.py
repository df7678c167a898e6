"""Resampling of 8-bit images."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from bench.data.dataset import Split
from bench.registry import Options

SMALLEST = 16


class SizeOptions(Options):
    """Options of the data sets of 28 x 28 grey images."""

    size: int = Field(28, ge=SMALLEST, le=256, description="pixels on a side; any but 28 is resampled")


def resize(images: Tensor, size: int) -> Tensor:
    """Return uint8 images (N, C, S, S) as (N, C, size, size), bicubic and antialiased.

    Pillow computes in integers, so that the result, and with it the data set's revision, is the same everywhere.
    """
    if images.shape[-1] == size:
        return images
    planes = images.flatten(0, 1).numpy()
    smooth = [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BICUBIC)) for plane in planes]
    return torch.from_numpy(np.stack(smooth)).view(*images.shape[:2], size, size)


def resized(split: Split, size: int) -> Split:
    """Return the split with its images resampled to ``size`` pixels."""
    return Split(resize(split.inputs, size), split.targets)
