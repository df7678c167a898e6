"""How images are moved, and the controls that only look like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.geometry.augmentation import AT_ONCE, Augmentation
from bench.groups import Group, MovingGroup, Resampling, centred_disc, move, prefiltered, shifted
from bench.groups.protocol import Draws

Crop = Literal["disc", "none"]


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
class ImageMotion:
    """Images (B, C, S, S), each moved by its own element of ``group``, resampled and then cut."""

    group: MovingGroup
    resampling: Resampling = "spline"
    crop: Crop = "none"

    def still(self, values: Tensor) -> Tensor:
        return cropped(values, self.crop)

    def prepare(self, values: Tensor) -> Tensor:
        return values if self._resampling is None else prefiltered(values, self._resampling)

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        return move(self.group, prepared, draws, self._resampling, on_disc=self.crop == "disc")

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """Return images, each shifted by its own fraction of a pixel, uniform in +-1/2 along either axis.

        That costs the interpolation of a rotation, in which every fraction occurs too, and moves nothing.
        """
        drawn = torch.rand(len(values), 2, generator=generator) - 0.5
        parts = zip(values.split(AT_ONCE), drawn.to(values.device).split(AT_ONCE), strict=True)
        return cropped(torch.cat([shifted(*part, self.resampling) for part in parts]), self.crop)

    @property
    def _resampling(self) -> Resampling | None:
        return None if self.group.keeps_grid else self.resampling


def augmentation(
    group: MovingGroup, strength: float, resampling: Resampling = "spline", crop: Crop = "none"
) -> Augmentation:
    """Return random elements of a group with a strength in [0, 1] for images, whose classes stay."""
    return Augmentation(group, strength, ImageMotion(group, resampling, crop))
