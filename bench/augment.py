"""Augmentation of batches on the device: one random group element per image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.groups import Group, sample, transform
from bench.seeds import generator


@dataclass(frozen=True)
class Augmentation:
    """Random elements of ``group`` with a ``strength`` in [0, 1]; strength 0 returns the images themselves."""

    group: Group
    strength: float

    def __call__(self, images: Tensor, seed: int, stream: str, step: int = 0) -> Tensor:
        """Return the images (B, C, S, S), each moved by its own element, a function of (seed, stream, step) alone."""
        if self.strength == 0:
            return images
        return self.move(images, *(drawn.to(images.device) for drawn in self.draw(len(images), seed, stream, step)))

    def draw(self, count: int, seed: int, stream: str, step: int = 0) -> tuple[Tensor, Tensor]:
        """Return the turns and mirrors of ``count`` images; drawn on the CPU, they are the same for every device."""
        return sample(self.group, self.strength, count, generator(seed, stream, step))

    def move(self, images: Tensor, turns: Tensor, mirrors: Tensor) -> Tensor:
        """Return the images moved by elements that were drawn."""
        return transform(images, turns, mirrors, resample=not self.group.keeps_grid)


def expand(images: Tensor, labels: Tensor, augmentation: Augmentation, copies: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return ``copies`` moved versions of every image, made once before training (as in Gerken et al. 2022)."""
    moved = [augmentation(images, seed, "augmentation", copy) for copy in range(copies)]
    return torch.cat(moved), labels.repeat(copies)
