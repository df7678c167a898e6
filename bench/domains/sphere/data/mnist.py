"""MNIST on the sphere (Cohen et al. 2018; with masks Gerken et al. 2022)."""

from __future__ import annotations

from bench.data import idx
from bench.data.dataset import Dataset
from bench.data.mnist_files import MNIST_CLASSES, MNIST_FILES
from bench.domains.sphere.data.canvas import MaskOptions, SphereOptions, classified, segmented
from bench.registry import datasets

FILES = MNIST_FILES


@datasets.register("spherical-mnist", options=SphereOptions, version=1, domain="sphere")
def load(options: SphereOptions) -> Dataset:
    """MNIST digits projected onto the sphere; 50,000 train, 10,000 validation, 10,000 test."""
    splits = idx.published(FILES, len(MNIST_CLASSES))
    return classified("spherical-mnist", MNIST_CLASSES, splits, options)


@datasets.register("spherical-mnist-masks", options=MaskOptions, version=1, domain="sphere", task="segmentation")
def load_masks(options: MaskOptions) -> Dataset:
    """One to four MNIST digits on the sphere, with their mask; 50,000 train, 10,000 validation, 10,000 test."""
    splits = idx.published(FILES, len(MNIST_CLASSES))
    return segmented("spherical-mnist-masks", MNIST_CLASSES, splits, options)
