"""Strong lenses in the published layout of DeepLense: a folder for each class, an .npy file for each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from bench.data import plain_npy
from bench.data.cache import expanded
from bench.data.dataset import Dataset, Split
from bench.data.shares import ShareOptions, cut
from bench.domains.plane.data.image_folder import by_split
from bench.domains.plane.data.lensing import in_8_bits
from bench.domains.plane.data.resize import SMALLEST, resize
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import datasets

KINDS = (".npy",)


class LensingFolderOptions(ShareOptions):
    """Options of a folder of simulated lenses."""

    path: Path = Field(
        description="a folder with a subfolder of .npy files for each class, or such under train and test"
    )
    size: int | None = Field(None, ge=SMALLEST, le=1024, description="pixels on a side; leave out to keep them")


@datasets.register("lensing-folder", options=LensingFolderOptions, version=1)
def load(options: LensingFolderOptions) -> Dataset:
    """Simulated lenses as DeepLense publishes them: a folder for each class, one .npy file for each image."""
    folder = expanded(options.path)
    files_of = by_split(folder, KINDS)
    classes = tuple(files_of["train"])
    splits = {}
    for name, files in files_of.items():
        images = [image(file) for group in files.values() for file in group]
        side = len(images[0])
        for file, each in zip((file for group in files.values() for file in group), images, strict=True):
            if len(each) != side:
                raise UserError(
                    f"{file} has {len(each)} x {len(each)} pixels, others {side} x {side}; one size is accepted"
                )
        labels = torch.tensor([label for label, group in enumerate(files.values()) for _ in group])
        splits[name] = Split(_sized(torch.from_numpy(np.stack(images)), options.size), labels)
    shares = {"validation": options.validation, "test": options.test}
    missing = [name for name in shares if name not in splits]
    if missing:
        parts = cut(splits["train"], tuple(shares[name] for name in missing), classes, str(folder))
        splits |= dict(zip(("train", *missing), parts, strict=True))
    return of_images("lensing-folder", classes, splits["train"], splits["validation"], splits["test"])


def image(path: Path) -> NDArray[np.float64]:
    """Return the image (S, S) of a file: its one array, or the only one of two dimensions in an array of objects.

    The published axion images come with the axion's mass; it is passed over.
    """
    squares = [np.squeeze(part) for part in plain_npy.read(path) if part.size > 1]
    squares = [part for part in squares if part.ndim == 2 and part.shape[0] == part.shape[1]]
    if len(squares) != 1 or squares[0].dtype.kind not in "iuf" or not np.isfinite(squares[0]).all():
        raise UserError(f"{path}: holds no square image of finite numbers; accepted is one array (S, S) or (1, S, S)")
    if squares[0].min() == squares[0].max():
        raise UserError(f"{path}: all pixels of its image are {squares[0].min():g}")
    return squares[0].astype(np.float64)


def _sized(images: Tensor, size: int | None) -> Tensor:
    grey = in_8_bits(images)[:, None]
    return grey if size is None else resize(grey, size)
