"""MNIST (LeCun, Cortes and Burges): handwritten digits."""

from __future__ import annotations

from bench.data import idx
from bench.data.cache import File
from bench.data.dataset import Dataset
from bench.data.mnist_files import MNIST_CLASSES, MNIST_FILES
from bench.domains.plane.data.resize import SizeOptions, resized
from bench.domains.plane.dataset import of_images
from bench.registry import datasets

CLASSES, FILES = MNIST_CLASSES, MNIST_FILES


def of_files(name: str, classes: tuple[str, ...], files: tuple[File, ...], size: int) -> Dataset:
    """Return the images of four files of MNIST's format, of ``size`` pixels."""
    return of_images(name, classes, *(resized(split, size) for split in idx.published(files, len(classes))))


@datasets.register("mnist", options=SizeOptions, version=1)
def load(options: SizeOptions) -> Dataset:
    """MNIST: upright handwritten digits, 28x28 grey; 50,000 train, 10,000 validation, 10,000 test."""
    return of_files("mnist", CLASSES, FILES, options.size)
