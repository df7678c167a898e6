"""Photographs of solar cells by their electroluminescence (ELPV; Buerhop-Lutz et al. 2018, Deitsch et al. 2019).

A cell is defective where its annotators gave at least even odds. That does not change as the cell turns; the photograph
does: cells are square, their busbars and fingers run along its axes, so that the distribution keeps half turns and
mirror images, nearly quarter turns, and no others. It comes as the package ``elpv-dataset`` (91 MB), under CC BY-NC-SA
4.0, not for commercial use; nothing of it is kept here. The package does not say which of its 44 modules a cell is
from, so that cells of one module lie in several splits.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from pydantic import Field

from bench.data.dataset import Dataset, Split
from bench.data.shares import ShareOptions, cut
from bench.domains.plane.data.resize import SMALLEST, resize
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import datasets

#: What the data come in, where it is installed.
PACKAGE = "elpv_dataset"
CLASSES = ("functional", "defective")
EVEN_ODDS = 0.5


class SolarCellsOptions(ShareOptions):
    """How large the photographs are, of 300 pixels, and how they are split."""

    size: int = Field(48, ge=SMALLEST, le=300, description="pixels on a side; any but 300 is resampled")


@datasets.register("solar-cells", options=SolarCellsOptions, version=1)
def load(options: SolarCellsOptions) -> Dataset:
    """Photographs of 2,624 solar cells, grey: defective? Needs elpv-dataset (CC BY-NC-SA, not for commercial use)."""
    try:
        package: Any = importlib.import_module(f"{PACKAGE}.utils")
    except ImportError as error:
        raise UserError(
            "solar-cells needs its photographs; python -m pip install elpv-dataset (91 MB; CC BY-NC-SA 4.0, not for "
            "commercial use)"
        ) from error
    photographs, odds, _ = package.load_dataset()
    pixels = resize(torch.from_numpy(np.asarray(photographs, np.uint8))[:, None], options.size)
    labels = torch.from_numpy(np.asarray(odds) >= EVEN_ODDS).long()
    shares = (options.validation, options.test)
    train, validation, test = cut(Split(pixels, labels), shares, CLASSES, "solar-cells")
    return of_images("solar-cells", CLASSES, train, validation, test)
