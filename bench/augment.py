"""Moving batches on the device: one random group element per image, and the controls that only look like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.groups import Draws, Group, MovingGroup, Resampling, centred_disc, draw, move, prefiltered, shifted
from bench.seeds import generator

Crop = Literal["disc", "none"]

#: Images that are moved at once, where a whole data set is.
AT_ONCE = 1000


def default_crop(group: MovingGroup) -> Crop:
    """Return how inputs are cut where a suite does not say: to the disc, where rotations move pixels off the grid.

    A homography does not keep the disc.
    """
    return "disc" if isinstance(group, Group) and not group.keeps_grid else "none"


def cropped(images: Tensor, crop: Crop) -> Tensor:
    """Return images (B, C, S, S) as they are, or zero outside of the centred disc, which no rotation moves out.

    Black corners tell that an image was turned: cut alike, upright and turned images have the same outline.
    """
    return images if crop == "none" else images * centred_disc(images)


@dataclass(frozen=True)
class Augmentation:
    """Random elements of ``group`` with a ``strength`` in [0, 1], resampled and then cut; strength 0 only cuts."""

    group: MovingGroup
    strength: float
    resampling: Resampling = "spline"
    crop: Crop = "none"

    def __call__(self, images: Tensor, seed: int, stream: str, step: int = 0) -> Tensor:
        """Return the images (B, C, S, S), each moved by its own element, a function of (seed, stream, step) alone."""
        if self.strength == 0:
            return cropped(images, self.crop)
        drawn = [each.to(images.device) for each in self.draw(len(images), seed, stream, step)]
        # in parts: a sample of the spline holds some thirty numbers for every pixel
        parts = zip(*(each.split(AT_ONCE) for each in (self.prepare(images), *drawn)), strict=True)
        return torch.cat([self.move(*part) for part in parts])

    def draw(self, count: int, seed: int, stream: str, step: int = 0) -> Draws:
        """Return the elements for ``count`` images; drawn on the CPU, they are the same for every device."""
        return draw(self.group, self.strength, count, generator(seed, stream, step))

    def prepare(self, images: Tensor) -> Tensor:
        """Return what `move` takes in place of the images: a whole data set is prefiltered once."""
        return images if self._resampling is None else prefiltered(images, self._resampling)

    def move(self, prepared: Tensor, *draws: Tensor) -> Tensor:
        """Return images that were prepared, moved by elements that were drawn."""
        return move(self.group, prepared, draws, self._resampling, on_disc=self.crop == "disc")

    @property
    def _resampling(self) -> Resampling | None:
        return None if self.group.keeps_grid else self.resampling


def resampled_only(images: Tensor, resampling: Resampling, crop: Crop, seed: int, stream: str) -> Tensor:
    """Return images (B, C, S, S), each shifted by its own fraction of a pixel, uniform in +-1/2 along either axis.

    That costs the interpolation of a rotation, in which every fraction occurs too, and moves nothing.
    """
    drawn = torch.rand(len(images), 2, generator=generator(seed, stream)) - 0.5
    parts = zip(images.split(AT_ONCE), drawn.to(images.device).split(AT_ONCE), strict=True)
    return cropped(torch.cat([shifted(*part, resampling) for part in parts]), crop)


def expand(images: Tensor, labels: Tensor, augmentation: Augmentation, copies: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return ``copies`` moved versions of every image, made once before training (as in Gerken et al. 2022)."""
    moved = [augmentation(images, seed, "augmentation", copy) for copy in range(copies)]
    return torch.cat(moved), labels.repeat(copies)
