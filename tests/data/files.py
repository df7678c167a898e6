"""Small files and images for the tests of data."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.cache import File
from bench.data.dataset import Dataset, Split, training_set
from bench.domains.plane.data import (
    npz,
)

FOLDER = os.environ.get("EQUIVAUG_DATA")
needs_mnist = pytest.mark.skipif(
    not (FOLDER and (Path(FOLDER) / "mnist").is_dir()),
    reason="EQUIVAUG_DATA names no folder with the MNIST files in mnist/",
)


def satisfies_contract(dataset: Dataset, size: int, channels: int) -> None:
    splits = (dataset.train, dataset.validation, dataset.test)
    for split in splits:
        assert split.inputs.shape == (len(split), channels, size, size)
        assert split.targets.unique().tolist() == list(range(len(dataset.names)))
        assert split.inputs.float().std() > 10
    assert len(training_set(dataset, 20, seed=0)) == 20


def copies_between(splits: tuple[Split, ...]) -> int:
    """How many images of a split are also in another."""
    seen = [{image.numpy().tobytes() for image in split.inputs} for split in splits]
    return sum(len(a & b) for i, a in enumerate(seen) for b in seen[:i])


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_of(content: bytes, *mirrors: str, name: str = "toy.bin") -> File:
    return File("toy", name, mirrors, f"sha256:{sha256(content)}")


def gzip_file_of(content: bytes, *mirrors: str, name: str = "toy.gz") -> File:
    """A file published in one wrapper, known by its content."""
    published = gzip.compress(content, 9, mtime=0)
    return File("toy", name, mirrors, f"sha256:{sha256(published)}", sha256(content), len(content))


def put(file: File, content: bytes) -> Path:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_bytes(content)
    return file.path


DEAD = "http://127.0.0.1:9/dead/"


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def small_idx(name: str, array: np.ndarray) -> File:
    file = gzip_file_of(idx_bytes(array), DEAD, name=name)
    put(file, gzip.compress(idx_bytes(array)))
    return file


def some_images(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def save_images(folder: Path, counts: dict[str, int], mode: str = "L", kind: str = ".png", start: int = 0) -> Path:
    for seed, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(start, start + count):
            shape = (20, 24) if mode == "L" else (20, 24, 3)
            noise = np.random.default_rng(1000 * seed + i).integers(0, 256, shape, np.uint8)
            Image.fromarray(noise).save(folder / name / f"{i:03}{kind}")
    return folder


def save_npz(path: Path, images: np.ndarray, labels: np.ndarray | None = None) -> Path:
    np.savez(path, images=images, labels=np.arange(len(images)) % 3 if labels is None else labels)
    return path


def from_npz(path: Path, **options: object) -> Dataset:
    return npz.load(npz.NpzOptions.model_validate({"path": path, **options}))
