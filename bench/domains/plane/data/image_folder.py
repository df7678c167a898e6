"""A user's own images: a folder of PNG or JPEG files for each class.

The class folders lie in ``path`` itself, or in ``path/train`` and ``path/test`` (and ``path/validation``) where the
splits are already made; a validation split that is missing there is cut from the training images. Hidden files are
passed over without a word; what else is left out or changed, the data set's notes tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from bench.data.cache import expanded
from bench.data.dataset import Dataset, Split
from bench.data.shares import ShareOptions, cut
from bench.domains.plane.data.pictures import KINDS, Background, Fit, Picture, read
from bench.domains.plane.data.resize import SMALLEST
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import datasets

SPLITS = ("train", "validation", "test")


class ImageFolderOptions(ShareOptions):
    """Options of a folder of images."""

    path: Path = Field(description="a folder with a subfolder for each class; from the working directory on")
    size: int = Field(
        64, ge=SMALLEST, le=1024, description="pixels on a side of the square that images are resampled to"
    )
    channels: Literal["auto", "grey", "colour"] = Field("auto", description="auto: grey if every file is")
    fit: Fit = Field("crop", description="of images that are not square: cut to, padded to or squeezed into a square")
    background: Background = Field("white", description="what shows where an image is transparent")


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder by name, hidden things left out; UserError if it is not a folder."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder} cannot be read as a folder of images ({error.strerror})") from error


def by_class(folder: Path, kinds: Sequence[str] = KINDS) -> dict[str, list[Path]]:
    """Return the image files of each class in order; UserError if there are not two classes, each with images."""
    files_of = {}
    for entry in filter(Path.is_dir, entries(folder)):
        files_of[entry.name] = [file for file in entries(entry) if file.suffix.lower() in kinds and file.is_file()]
        if not files_of[entry.name]:
            raise UserError(f"{entry} has no images; the folder of a class holds {', '.join(kinds)} files")
    if len(files_of) < 2:
        raise UserError(f"{folder} has {len(files_of)} class folders; expected one for each of at least two classes")
    return files_of


def by_split(folder: Path, kinds: Sequence[str] = KINDS) -> dict[str, dict[str, list[Path]]]:
    """Return the files by split and class: one split, ``train``, unless the folder holds ``train`` and ``test``."""
    present = {entry.name: entry for entry in entries(folder) if entry.is_dir()}
    if not {"train", "test"} <= present.keys():
        if present and present.keys() <= set(SPLITS):
            raise UserError(
                f"{folder} has only the folder{'s' * (len(present) > 1)} {' and '.join(sorted(present))}; accepted are "
                "both train and test, with or without validation, or a folder for each class"
            )
        return {"train": by_class(folder, kinds)}
    for name, entry in present.items():
        if name not in SPLITS:
            raise UserError(f"{entry} lies beside train and test, where only a folder 'validation' is accepted")
    classes_of = {name: by_class(entry, kinds) for name, entry in present.items()}
    for name, files in classes_of.items():
        if differing := sorted(files.keys() ^ classes_of["train"].keys()):
            raise UserError(f"{present[name]} and {present['train']} differ in the class '{differing[0]}'")
    return classes_of


def left_out(folder: Path, depth: int) -> Iterator[str]:
    """Yield in words what lies in a folder and is no image of a class, which lie ``depth`` folders down."""
    others: Counter[str] = Counter()
    misplaced = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if not file.is_file() or any(part.startswith(".") for part in parts):
            continue
        if file.suffix.lower() not in KINDS:
            others[file.suffix.lower() or "no suffix"] += 1
        elif len(parts) != depth + 1:
            misplaced.append(file)
    if others:
        counts = ", ".join(f"{count} {kind}" for kind, count in others.most_common())
        yield f"left out: {others.total()} files of other kinds ({counts}); accepted are {', '.join(KINDS)}"
    if misplaced:
        yield (
            f"left out: {len(misplaced)} images that do not lie in the folder of a class itself, such as {misplaced[0]}"
        )


def changed(pictures: Sequence[Picture], options: ImageFolderOptions) -> Iterator[str]:
    """Yield in words what was done to images that are transparent, or not square."""
    fits = {"crop": "cut to the square in the middle", "pad": "padded with black", "squeeze": "squeezed into a square"}
    transparent = sum(picture.was_transparent for picture in pictures)
    oblong = sum(not picture.was_square for picture in pictures)
    if transparent:
        yield f"{transparent} of {len(pictures)} images are transparent: put on {options.background} ('background')"
    if oblong:
        yield f"{oblong} of {len(pictures)} images are not square: {fits[options.fit]} ('fit')"


@datasets.register("image-folder", options=ImageFolderOptions, version=2)
def load(options: ImageFolderOptions) -> Dataset:
    """Your own PNG or JPEG images, a folder for each class, split by shares or by folders."""
    folder = expanded(options.path)
    files_of = by_split(folder)
    classes = tuple(files_of["train"])
    pictures = {
        name: [
            read(file, options.channels, options.size, options.fit, options.background)
            for group in files.values()
            for file in group
        ]
        for name, files in files_of.items()
    }
    every = [picture for group in pictures.values() for picture in group]
    square = (max(len(picture.pixels) for picture in every), options.size, options.size)
    splits = {
        name: Split(
            torch.from_numpy(np.stack([np.broadcast_to(picture.pixels, square) for picture in pictures[name]])),
            torch.tensor([label for label, group in enumerate(files.values()) for _ in group]),
        )
        for name, files in files_of.items()
    }
    shares = {"validation": options.validation, "test": options.test}
    missing = [name for name in shares if name not in splits]
    if missing:
        parts = cut(splits["train"], tuple(shares[name] for name in missing), classes, str(options.path))
        splits.update(zip(("train", *missing), parts, strict=True))
    notes = (*left_out(folder, 1 if len(files_of) == 1 else 2), *changed(every, options))
    return of_images("image-folder", classes, *(splits[name] for name in SPLITS), notes=notes)
