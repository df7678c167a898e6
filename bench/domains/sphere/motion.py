"""How inputs are moved: pictures are projected onto the sphere at their final place, functions on its grid are rotated.

The stereographic projection from the south pole takes a picture's centre to the north pole and the circle in its square
to the equator (as in Cohen et al. 2018 and Gerken et al. 2022, who cut there; here the corners are kept, which reach 19
degrees beyond it). To rotate what was projected is to project from turned points, so that nothing is read twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.domains.sphere.action import grid_points, nearest, resampled, turned
from bench.domains.sphere.law import Resampling
from bench.domains.sphere.rotations import matrices
from bench.domains.sphere.transforms import on_sphere, sphere_spectrum
from bench.geometry.augmentation import AT_ONCE
from bench.groups import prefiltered, read
from bench.groups.protocol import Draws

_IDENTITY = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class PictureMotion:
    """Pictures (B, C, S, S) as functions on the sphere (B, C, 2b, 2b), each rotated by its own quaternion.

    They are read with the cubic B-spline or bilinearly; ``harmonic`` projects them at the pole and rotates their
    spectra. With ``filtered`` they are read on a grid that is as fine as they are, of which degrees up to the bandwidth
    are kept; without it each point of the grid reads the picture where it lies, and what is finer than the grid passes
    for something coarser, which is something else at every place.
    """

    bandwidth: int
    resampling: Resampling
    filtered: bool

    def still(self, values: Tensor) -> Tensor:
        return self._all(values, _still(len(values), values.device))

    def prepare(self, values: Tensor) -> Tensor:
        if self.resampling == "harmonic":
            return replace(self, resampling="spline").still(values)
        return prefiltered(values, self.resampling)

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        (quaternions,) = draws
        if self.resampling == "harmonic":
            return turned(prepared, quaternions)
        fine = self._fine(prepared.shape[-1])
        points = stereographic(_turned_back(fine, quaternions), prepared.shape[-1])
        images = read(prepared, points.transpose(1, 2), self.resampling).view(*prepared.shape[:2], 2 * fine, 2 * fine)
        return on_sphere(sphere_spectrum(images, self.bandwidth), self.bandwidth) if self.filtered else images

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """Return pictures projected within half a step of the grid from where they are, each by its own rotation.

        The axis is uniform, the angle about it uniform up to half a step: other points are read, nothing has moved.
        """
        return self._all(values, _within_half_a_step(len(values), self.bandwidth, generator).to(values.device))

    def _fine(self, size: int) -> int:
        """Return the bandwidth of the grid on which a picture of ``size`` pixels is read.

        Pixels are 4 / size radians apart at the pole and half of that at the equator, so that the picture has degrees
        up to about its size; an even number.
        """
        return max(self.bandwidth, 2 * ((size + 1) // 2)) if self.filtered else self.bandwidth

    def _all(self, values: Tensor, quaternions: Tensor) -> Tensor:
        parts = zip(values.split(AT_ONCE), quaternions.split(AT_ONCE), strict=True)
        return torch.cat([self.move(self.prepare(part), (of_part,)) for part, of_part in parts])


@dataclass(frozen=True)
class PictureMasks:
    """Pictures of labels (B, S, S) as labels of points (B, 2b, 2b): of the nearest pixel, 0 outside of the picture."""

    bandwidth: int

    def still(self, values: Tensor) -> Tensor:
        parts = zip(values.split(AT_ONCE), _still(len(values), values.device).split(AT_ONCE), strict=True)
        return torch.cat([self.move(part, (of_part,)) for part, of_part in parts])

    def prepare(self, values: Tensor) -> Tensor:
        return values

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        (quaternions,) = draws
        size = prepared.shape[-1]
        columns, rows = stereographic(_turned_back(self.bandwidth, quaternions), size).round().long().unbind(-1)
        inside = (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
        places = rows.clamp(0, size - 1) * size + columns.clamp(0, size - 1)
        labels = prepared.flatten(1).gather(1, places) * inside
        return labels.view(-1, 2 * self.bandwidth, 2 * self.bandwidth)

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        return self.still(values)


@dataclass(frozen=True)
class SignalMotion:
    """Functions on the sphere (B, C, 2b, 2b), each rotated by its own quaternion."""

    resampling: Resampling = "spline"

    def still(self, values: Tensor) -> Tensor:
        return values

    def prepare(self, values: Tensor) -> Tensor:
        return values

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        (quaternions,) = draws
        if self.resampling == "harmonic":
            return turned(prepared, quaternions)
        return resampled(prepared, quaternions, self.resampling)

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        drawn = _within_half_a_step(len(values), values.shape[-1] // 2, generator).to(values.device)
        parts = zip(values.split(AT_ONCE), drawn.split(AT_ONCE), strict=True)
        return torch.cat([self.move(part, (of_part,)) for part, of_part in parts])


@dataclass(frozen=True)
class MaskMotion:
    """Labels of points (B, 2b, 2b): each point takes that of the nearest one."""

    def still(self, values: Tensor) -> Tensor:
        return values

    def prepare(self, values: Tensor) -> Tensor:
        return values

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        return nearest(prepared, draws[0])

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        return values


def stereographic(points: Tensor, size: int) -> Tensor:
    """Return where unit vectors (..., 3) lie in a picture of ``size`` pixels: (..., 2), column and row from the corner.

    x points right and y up, as on the plane; what is near the south pole lies far outside.
    """
    depth = 1 + points[..., 2:]
    flat = (points[..., :2] / depth.clamp(min=1e-3)).clamp(-4, 4)
    return torch.stack([(size - 1) / 2 + size / 2 * flat[..., 0], (size - 1) / 2 - size / 2 * flat[..., 1]], -1)


def _turned_back(bandwidth: int, quaternions: Tensor) -> Tensor:
    """Return g^-1 p for the points p of the grid, (B, 4b^2, 3), of rotations (B, 4)."""
    return grid_points(bandwidth, quaternions.device) @ matrices(quaternions).float()


def _still(count: int, device: torch.device) -> Tensor:
    return torch.tensor(_IDENTITY, device=device).expand(count, 4)


def _within_half_a_step(count: int, bandwidth: int, generator: torch.Generator) -> Tensor:
    axes = torch.randn(count, 3, generator=generator)
    half = torch.rand(count, 1, generator=generator) * torch.pi / (8 * bandwidth)
    return torch.cat([half.cos(), half.sin() * axes / axes.norm(dim=1, keepdim=True)], 1)
