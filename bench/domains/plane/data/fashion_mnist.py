"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747): pictures of clothing in MNIST's format."""

from __future__ import annotations

from bench.data.dataset import Dataset
from bench.data.mnist_files import FASHION_CLASSES, FASHION_FILES
from bench.domains.plane.data.mnist import of_files
from bench.domains.plane.data.resize import SizeOptions
from bench.registry import datasets

CLASSES, FILES = FASHION_CLASSES, FASHION_FILES


@datasets.register("fashion-mnist", options=SizeOptions, version=1)
def load(options: SizeOptions) -> Dataset:
    """Fashion-MNIST: upright clothing, 28x28 grey; 50,000 train, 10,000 validation, 10,000 test."""
    return of_files("fashion-mnist", CLASSES, FILES, options.size)
