"""MNIST-rot, the official archive (Larochelle et al. 2007): digits each rotated once, 12,000 and 50,000.

Each line of an .amat file is one image, 784 grey values in [0, 1] in row-major order, then its label. The archive's
siblings with backgrounds and noise are stored sideways, column by column; this one is not (scikit-data, which reads
them all, transposes those and leaves this one). The first 10,000 lines train and the other 2,000 validate; or all
12,000 train, as in the papers' released code, and the first 2,000 lines of the test validate: 48,000 are left of it.
How the digits were interpolated is not documented; the deviation that LieConv's loader states of their grey values lies
between those of ``rotated-mnist`` turned bilinearly and by the spline, nearer to the spline.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from bench.data.cache import FetchError, File, fetch
from bench.data.dataset import Dataset, Split
from bench.domains.plane.data.resize import SizeOptions, resized
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import datasets

SIDE = 28
CLASSES = tuple("0123456789")
TRAIN, VALIDATION, TEST = 10_000, 2_000, 50_000
TRAIN_MEMBER = "mnist_all_rotation_normalized_float_train_valid.amat"
TEST_MEMBER = "mnist_all_rotation_normalized_float_test.amat"
LONGEST_NUMBER = 32
"""Characters of a number and the space after it, more than any float needs: what bounds the unpacked text."""

# no publisher gives a SHA-256; this is the MD5 that the field's readers of the archive check
FILES = (
    File(
        "mnist-rot-12k",
        "mnist_rotation_new.zip",
        ("http://www.iro.umontreal.ca/~lisa/icml2007data/", "https://www.iro.umontreal.ca/~lisa/icml2007data/"),
        "md5:0f9a947ff3d30e95cd685462cbf3b847",
    ),
)


def parse(lines: Iterator[str], count: int, where: str) -> Split:
    """Return the ``count`` images and labels of an .amat file's lines; UserError naming ``where`` if broken."""
    images = np.empty((count, SIDE * SIDE), np.uint8)
    labels = np.empty(count, np.int64)
    done = 0
    while chunk := list(islice(lines, 1000)):
        try:
            rows = np.loadtxt(chunk, ndmin=2)
        except ValueError as error:
            raise UserError(f"{where}: lines {done + 1} to {done + len(chunk)} are not a table of numbers") from error
        if rows.shape[1] != SIDE * SIDE + 1:
            raise UserError(f"{where}: {rows.shape[1]} numbers in a line; expected {SIDE * SIDE} pixels and a label")
        if done + len(rows) > count:
            raise UserError(f"{where}: more than the expected {count} lines")
        pixels, digits = rows[:, :-1], rows[:, -1]
        if not ((pixels >= 0) & (pixels <= 1)).all():
            raise UserError(f"{where}: a pixel after line {done} is outside [0, 1]")
        if not np.isin(digits, range(len(CLASSES))).all():
            raise UserError(f"{where}: a label after line {done} is not one of 0 to {len(CLASSES) - 1}")
        images[done : done + len(rows)] = np.rint(pixels * 255)
        labels[done : done + len(rows)] = digits
        done += len(rows)
    if done != count:
        raise UserError(f"{where}: {done} lines; expected {count}")
    return Split(torch.from_numpy(images).view(count, 1, SIDE, SIDE), torch.from_numpy(labels))


def read(file: File, member: str, count: int) -> Split:
    """Return the split of one member of the archive, read without extracting it; UserError for a broken one."""
    where = f"{file.path}: {member}"
    path = fetch(file)
    try:
        with zipfile.ZipFile(path) as archive:
            limit = count * (SIDE * SIDE + 1) * LONGEST_NUMBER
            if archive.getinfo(member).file_size > limit:
                raise FetchError(f"{where}: unpacks to more than the {limit} bytes that {count} images can take")
            with archive.open(member) as stream:
                return parse(io.TextIOWrapper(stream, encoding="ascii"), count, where)
    except KeyError as error:
        raise FetchError(f"{path}: there is no {member} in it") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise FetchError(f"{where}: cannot be unpacked ({error})") from error


class MnistRotOptions(SizeOptions):
    """Options of the official archive."""

    validation: Literal["train", "test"] = Field(
        "train", description="whose 2,000 images validate: train leaves 10,000 to train, test all 12,000, as the papers"
    )


@datasets.register("mnist-rot-12k", options=MnistRotOptions, version=1)
def load(options: MnistRotOptions) -> Dataset:
    """MNIST-rot, the official archive of randomly rotated digits; 10,000 train, 2,000 validation, 50,000 test."""
    pool = read(FILES[0], TRAIN_MEMBER, TRAIN + VALIDATION)
    test = read(FILES[0], TEST_MEMBER, TEST)
    if options.validation == "train":
        train, validation = pool.take(torch.arange(TRAIN)), pool.take(torch.arange(TRAIN, TRAIN + VALIDATION))
    else:
        train, validation = pool, test.take(torch.arange(VALIDATION))
        test = test.take(torch.arange(VALIDATION, TEST))
    return of_images("mnist-rot-12k", CLASSES, *(resized(split, options.size) for split in (train, validation, test)))
