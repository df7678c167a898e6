"""The idx format of MNIST and of the data sets made in its likeness: 60,000 and 10,000 grey images of 28 x 28 pixels.

Big-endian: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each dimension as a 32-bit
integer, then the elements in row-major order (http://yann.lecun.com/exdb/mnist/, "File formats").
"""

from __future__ import annotations

import struct
from math import prod

import numpy as np
import torch
from torch import Tensor

from bench.data.cache import File, unpack
from bench.data.dataset import SPLIT_SEED, Split, partition
from bench.errors import UserError

SIDE = 28
TRAIN, VALIDATION, TEST = 50_000, 10_000, 10_000
POOL = TRAIN + VALIDATION
IMAGES_HEADER, LABELS_HEADER = 16, 8


def parse(content: bytes, shape: tuple[int, ...], where: str) -> Tensor:
    """Return the uint8 array of an idx file, which must have ``shape``; UserError naming ``where`` if it has not."""
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 | len(shape), *shape)
    beginning = content[: len(header)]
    if beginning != header:
        raise UserError(
            f"{where}: an idx file of unsigned bytes of shape {shape} starts with the bytes {header.hex()}, "
            f"not {beginning.hex() or 'none'}"
        )
    if len(content) != len(header) + prod(shape):
        raise UserError(f"{where}: {len(content)} bytes; an array of shape {shape} has {len(header) + prod(shape)}")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy())


def read(images: File, labels: File, count: int, classes: int) -> Split:
    """Return the split of an image file (count, 28, 28) and a label file (count,); UserError for broken files."""
    pixels = parse(unpack(images), (count, SIDE, SIDE), str(images.path))
    values = parse(unpack(labels), (count,), str(labels.path)).long()
    if values.max() >= classes:
        raise UserError(f"{labels.path}: label {values.max()}; the labels are 0 to {classes - 1}")
    return Split(pixels.unsqueeze(1), values)


def published(files: tuple[File, ...], classes: int) -> tuple[Split, Split, Split]:
    """Return the splits of four files (train images, train labels, test images, test labels).

    50,000 train, 10,000 validation (stratified, from the published training set), 10,000 test.
    """
    pool = read(files[0], files[1], POOL, classes)
    train, validation = partition(pool.inputs, pool.targets, (TRAIN, VALIDATION), SPLIT_SEED)
    return train, validation, read(files[2], files[3], TEST, classes)
