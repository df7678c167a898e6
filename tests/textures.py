"""Images without a preferred orientation, generated: what a survey of the sky or a microscope sees."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

#: Standard deviation in pixels of a compact source, which the beam alone makes, and of one that is resolved.
BEAM, RESOLVED = 0.8, 1.1


def galaxies(count: int, seed: int, size: int = 32) -> tuple[Tensor, Tensor]:
    """Return radio-galaxy-like images (N, 1, S, S), uint8, and labels: made of compact (0) or of resolved sources (1).

    A row of a few sources at a random angle, drawn at their exact places, under noise. Nothing tells which way is up,
    and what tells the classes apart is as fine as the pixels.
    """
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    axis = np.arange(size) - (size - 1) / 2
    images = np.empty((count, size, size))
    for i, label in enumerate(labels):
        angle, length = draw.uniform(0, 2 * np.pi), draw.uniform(0.15, 0.36) * size
        width = (RESOLVED if label else BEAM) * draw.uniform(0.8, 1.2)
        image = 20 + 25 * ndimage.gaussian_filter(draw.normal(size=(size, size)), BEAM, mode="wrap")
        for place in np.linspace(-1, 1, draw.integers(2, 5)):
            x, y = length * place * np.cos(angle), length * place * np.sin(angle)
            source = np.exp(-((axis - x) ** 2 + (axis[:, None] - y) ** 2) / (2 * width**2))
            image += draw.uniform(60, 110) * source / width**2
        images[i] = image
    order = draw.permutation(count)
    return as_grey(images[order]), torch.from_numpy(labels[order]).long()


def textures(count: int, seed: int, size: int = 28) -> tuple[Tensor, Tensor]:
    """Return isotropic noise of two blurs (N, 1, S, S), uint8, and which of them each image has."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    frequency = np.hypot(np.fft.fftfreq(size), np.fft.fftfreq(size)[:, None])
    images = np.empty((count, size, size))
    for i, label in enumerate(labels):
        passed = np.exp(-((frequency / (0.10 if label else 0.14)) ** 2))
        wave = np.fft.ifft2(np.fft.fft2(draw.normal(size=(size, size))) * passed).real
        images[i] = 128 + 45 * wave / wave.std()
    order = draw.permutation(count)
    return as_grey(images[order]), torch.from_numpy(labels[order]).long()


def as_grey(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.clip(0, 255).round().astype(np.uint8))[:, None]
