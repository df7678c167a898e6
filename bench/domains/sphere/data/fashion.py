"""Fashion-MNIST on the sphere (Gerken et al. 2022)."""

from __future__ import annotations

from bench.data import idx
from bench.data.dataset import Dataset
from bench.data.mnist_files import FASHION_CLASSES, FASHION_FILES
from bench.domains.sphere.data.canvas import MaskOptions, SphereOptions, classified, segmented
from bench.registry import datasets

FILES = FASHION_FILES


@datasets.register("spherical-fashion", options=SphereOptions, version=1, domain="sphere")
def load(options: SphereOptions) -> Dataset:
    """Fashion-MNIST projected onto the sphere; 50,000 train, 10,000 validation, 10,000 test."""
    splits = idx.published(FILES, len(FASHION_CLASSES))
    return classified("spherical-fashion", FASHION_CLASSES, splits, options)


@datasets.register("spherical-fashion-masks", options=MaskOptions, version=1, domain="sphere", task="segmentation")
def load_masks(options: MaskOptions) -> Dataset:
    """One to four pieces of clothing on the sphere, with their mask; 50,000 train, 10,000 validation, 10,000 test."""
    splits = idx.published(FILES, len(FASHION_CLASSES))
    return segmented("spherical-fashion-masks", FASHION_CLASSES, splits, options)
