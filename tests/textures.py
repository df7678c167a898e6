"""Images without a preferred orientation, generated: what a survey of the sky or a microscope sees."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Standard deviation of the sources in pixels: about what a well sampled beam has.
BEAM = 0.8


def galaxies(count: int, seed: int, size: int = 32) -> tuple[Tensor, Tensor]:
    """Return radio-galaxy-like images (N, 1, S, S), uint8, and labels: brightest at the core (0) or at the ends (1).

    A row of compact sources at a random angle, drawn at their exact places, under noise: Fanaroff & Riley's two classes
    as a caricature. Nothing tells which way is up.
    """
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    axis = np.arange(size) - (size - 1) / 2
    images = np.empty((count, size, size))
    for i, label in enumerate(labels):
        angle, length = draw.uniform(0, 2 * np.pi), draw.uniform(0.2, 0.36) * size
        image = draw.normal(0, 6, (size, size))
        for place in np.linspace(-1, 1, 7):
            brightness = (abs(place) if label else 1 - abs(place)) * 0.85 + 0.15
            x, y = length * place * np.cos(angle), length * place * np.sin(angle)
            source = np.exp(-((axis - x) ** 2 + (axis[:, None] - y) ** 2) / (2 * BEAM**2))
            image += 170 * brightness * draw.uniform(0.6, 1.1) * source
        images[i] = image + 20
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
