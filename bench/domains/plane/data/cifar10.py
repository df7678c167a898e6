"""CIFAR-10 (Krizhevsky 2009), the binary version: nothing is unpickled.

Each record is one byte of label and 3,072 of pixels, the red, green and blue planes in row-major order.
"""

from __future__ import annotations

import tarfile
import zlib

import numpy as np
import torch
from pydantic import Field

from bench.data.cache import FetchError, File, fetch
from bench.data.dataset import SPLIT_SEED, Dataset, Split, partition
from bench.domains.plane.data.resize import SMALLEST, resized
from bench.domains.plane.dataset import of_images
from bench.errors import UserError
from bench.registry import Options, datasets

SIDE = 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * SIDE**2
BATCH = 10_000
TRAIN_MEMBERS = tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6))
TEST_MEMBER = "cifar-10-batches-bin/test_batch.bin"
TRAIN, VALIDATION = 45_000, 5_000

FILES = (
    File(
        "cifar10",
        "cifar-10-binary.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
        "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
)


class Cifar10Options(Options):
    """Options of CIFAR-10."""

    size: int = Field(SIDE, ge=SMALLEST, le=256, description="pixels on a side; any but 32 is resampled")


def parse(content: bytes, count: int, where: str) -> Split:
    """Return the ``count`` images and labels of a batch file; UserError naming ``where`` if it is broken."""
    if len(content) != count * RECORD:
        raise UserError(f"{where}: {len(content)} bytes; {count} records of {RECORD} bytes are {count * RECORD}")
    records = torch.from_numpy(np.frombuffer(content, np.uint8).reshape(count, RECORD).copy())
    labels = records[:, 0].long()
    if labels.max() >= len(CLASSES):
        raise UserError(f"{where}: label {labels.max()}; the labels are 0 to {len(CLASSES) - 1}")
    return Split(records[:, 1:].reshape(count, 3, SIDE, SIDE), labels)


def read(file: File, count: int) -> dict[str, Split]:
    """Return the batches of ``count`` images by member name, read without extracting; UserError for a broken one."""
    path = fetch(file)
    batches = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.name not in (*TRAIN_MEMBERS, TEST_MEMBER):
                    continue
                where = f"{path}: {member.name}"
                stream = archive.extractfile(member)
                if stream is None or member.size != count * RECORD:
                    raise FetchError(f"{where}: not a file of {count} records, {count * RECORD} bytes")
                batches[member.name] = parse(stream.read(), count, where)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise FetchError(f"{path}: cannot be unpacked ({error})") from error
    missing = [name for name in (*TRAIN_MEMBERS, TEST_MEMBER) if name not in batches]
    if missing:
        raise FetchError(f"{path}: there is no {missing[0]} in it")
    return batches


@datasets.register("cifar10", options=Cifar10Options, version=1)
def load(options: Cifar10Options) -> Dataset:
    """CIFAR-10: ten classes of objects, 32x32 colour; 45,000 train, 5,000 validation, 10,000 test."""
    batches = read(FILES[0], BATCH)
    images = torch.cat([batches[name].inputs for name in TRAIN_MEMBERS])
    labels = torch.cat([batches[name].targets for name in TRAIN_MEMBERS])
    train, validation = partition(images, labels, (TRAIN, VALIDATION), SPLIT_SEED)
    splits = (resized(split, options.size) for split in (train, validation, batches[TEST_MEMBER]))
    return of_images("cifar10", CLASSES, *splits)
