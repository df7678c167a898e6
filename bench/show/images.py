"""The image that is turned: a person's own, or one that comes with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from bench.domains.plane.data.pictures import read


def opened(path: Path | None, size: int, channels: int | None) -> Tensor:
    """Return an image (C, S, S) with values from 0 to 1, resampled to ``size``; UserError if the file is no image.

    ``channels`` is 1 for grey, 3 for colour, None for what the file has.
    """
    if path is None:
        flower = Image.fromarray(load_sample_image("flower.jpg")).crop((150, 0, 577, 427))
        square = flower.convert("L" if channels == 1 else "RGB").resize((size, size), Image.Resampling.BICUBIC)
        values = np.moveaxis(np.atleast_3d(np.asarray(square, np.uint8)), 2, 0)
    else:
        wanted: Literal["auto", "grey", "colour"] = (
            "auto" if channels is None else "grey" if channels == 1 else "colour"
        )
        values = read(path, wanted, size, "crop", "white").pixels
    return torch.from_numpy(values.copy()).float() / 255
