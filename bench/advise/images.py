"""Looking at a user's images: where they are, how large to take them, what there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from bench.data.archive import arrays
from bench.data.dataset import Dataset
from bench.domains.plane.data import pictures
from bench.domains.plane.data.image_folder import by_split
from bench.domains.plane.data.npz import as_images
from bench.domains.plane.data.resize import SMALLEST
from bench.errors import UserError

_LOOKED_AT = 100


def data_options(path: Path, largest: int) -> dict[str, Any]:
    """Return the data part of a suite for a folder of images or an .npz, at no more than ``largest`` pixels a side.

    UserError if the path is neither, or holds what cannot be read.
    """
    if path.suffix == ".npz":
        side = as_images(arrays(path, ("images", "labels"))[0], str(path)).shape[-1]
        size = {} if SMALLEST <= side <= largest else {"size": min(max(side, SMALLEST), largest)}
        return {"name": "npz", "path": str(path.resolve()), **size}
    if not path.is_dir():
        raise UserError(f"{path} is neither a folder with a subfolder of images for each class nor an .npz file")
    return {"name": "image-folder", "path": str(path.resolve()), "size": min(largest, _side(path))}


def describe(path: Path, dataset: Dataset) -> Iterator[str]:
    """Yield what was found, as lines for a person."""
    count = sum(len(split) for split in (dataset.train, dataset.validation, dataset.test))
    channels, side = dataset.train.inputs.shape[1], dataset.train.inputs.shape[-1]
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    yield f"{path}: {count:,} images ({colour}, used at {side} x {side} pixels) of {len(dataset.names)} classes"
    yield f"  {len(dataset.train):,} to train, {len(dataset.validation):,} to validate, {len(dataset.test):,} to test"
    for note in dataset.notes:
        yield f"  {note}"
    of_class = dataset.train.targets.bincount(minlength=len(dataset.names))
    least, most = int(of_class.min()), int(of_class.max())
    if most > 3 * least:
        yield f"  the classes differ much in size ({least:,} to {most:,}): accuracy says little of the small ones"


def _side(folder: Path) -> int:
    """Return the median of the shorter sides of up to a hundred images, and no less than a network takes."""
    files = [file for split in by_split(folder).values() for group in split.values() for file in group]
    sides = []
    for file in files[:: max(1, len(files) // _LOOKED_AT)]:
        pictures.read(file, "auto", SMALLEST, "crop", "white")  # says what is wrong with a file that is no image
        with Image.open(file) as image:
            sides.append(min(image.size))
    return max(SMALLEST, int(median(sides)))
