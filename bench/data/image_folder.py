"""A user's own images: a folder of PNG or JPEG files for each class.

The class folders lie in ``path`` itself, or in ``path/train`` and ``path/test`` (and ``path/validation``) where the
splits are already made; a validation split that is missing there is cut from the training images. Hidden files and
files of other kinds are passed over, transparency is dropped, and a camera's note of which way is up is followed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import Field

from bench.data.cache import expanded
from bench.data.dataset import Dataset, Split
from bench.data.resize import SMALLEST
from bench.data.shares import ShareOptions, cut
from bench.errors import UserError
from bench.registry import datasets

KINDS = (".png", ".jpg", ".jpeg")
SPLITS = ("train", "validation", "test")
GREY_MODES = ("1", "L", "LA")
DEEP_MODES = ("I", "F")
"""Pillow's modes of more than 8 bits; the first may carry a suffix that names the byte order."""


class ImageFolderOptions(ShareOptions):
    """Options of a folder of images."""

    path: Path = Field(description="a folder with a subfolder for each class; from the working directory on")
    size: int = Field(
        64, ge=SMALLEST, le=1024, description="pixels on a side of the square that images are resampled to"
    )
    channels: Literal["auto", "grey", "colour"] = Field("auto", description="auto: grey if every file is")


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder by name, hidden things left out; UserError if it is not a folder."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder} cannot be read as a folder of images ({error.strerror})") from error


def by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the image files of each class in order; UserError if there are not two classes, each with images."""
    found = {}
    for entry in filter(Path.is_dir, entries(folder)):
        found[entry.name] = [file for file in entries(entry) if file.suffix.lower() in KINDS and file.is_file()]
        if not found[entry.name]:
            raise UserError(f"{entry} has no images; the folder of a class holds {', '.join(KINDS)} files")
    if len(found) < 2:
        raise UserError(f"{folder} has {len(found)} class folders; expected one for each of at least two classes")
    return found


def by_split(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the files by split and class: one split, ``train``, unless the folder holds ``train`` and ``test``."""
    present = {entry.name: entry for entry in entries(folder) if entry.is_dir()}
    if not {"train", "test"} <= present.keys():
        if present and present.keys() <= set(SPLITS):
            raise UserError(
                f"{folder} has only the folder{'s' * (len(present) > 1)} {' and '.join(sorted(present))}; accepted are "
                "both train and test, with or without validation, or a folder for each class"
            )
        return {"train": by_class(folder)}
    for name, entry in present.items():
        if name not in SPLITS:
            raise UserError(f"{entry} lies beside train and test, where only a folder 'validation' is accepted")
    found = {name: by_class(entry) for name, entry in present.items()}
    for name, files in found.items():
        if differing := sorted(files.keys() ^ found["train"].keys()):
            raise UserError(f"{present[name]} and {present['train']} differ in the class '{differing[0]}'")
    return found


def pixels(file: Path, channels: Literal["auto", "grey", "colour"], size: int) -> NDArray[np.uint8]:
    """Return an image (1, size, size) or (3, size, size); UserError naming the file if it is not an 8-bit image."""
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            mode = image.mode.partition(";")[0]
            upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is broken or of another kind"
        raise UserError(f"{file} cannot be read as an image ({reason})") from error
    if mode in DEEP_MODES:
        raise UserError(f"{file} has more than 8 bits per pixel and channel; save it with 8")
    is_grey = channels == "grey" or (channels == "auto" and mode in GREY_MODES)
    square = upright.convert("L" if is_grey else "RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.moveaxis(np.atleast_3d(np.asarray(square, np.uint8)), 2, 0)


@datasets.register("image-folder", options=ImageFolderOptions, version=1)
def load(options: ImageFolderOptions) -> Dataset:
    """Your own PNG or JPEG images, a folder for each class, split by shares or by folders."""
    found = by_split(expanded(options.path))
    classes = tuple(found["train"])
    images = {
        name: [pixels(file, options.channels, options.size) for group in files.values() for file in group]
        for name, files in found.items()
    }
    depth = max(len(image) for group in images.values() for image in group)
    square = (depth, options.size, options.size)
    splits = {
        name: Split(
            torch.from_numpy(np.stack([np.broadcast_to(image, square) for image in images[name]])),
            torch.tensor([label for label, group in enumerate(files.values()) for _ in group]),
        )
        for name, files in found.items()
    }
    shares = {"validation": options.validation, "test": options.test}
    missing = [name for name in shares if name not in splits]
    if missing:
        parts = cut(splits["train"], tuple(shares[name] for name in missing), classes, str(options.path))
        splits.update(zip(("train", *missing), parts, strict=True))
    return Dataset("image-folder", classes, *(splits[name] for name in SPLITS))
