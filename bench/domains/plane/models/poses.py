"""The layers of Equivariant Transformers: what sees a pose, and what undoes it (Tai et al. 2019, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from torch import Tensor, nn

from bench.domains.plane.models import canonical
from bench.domains.plane.models.canonical import Axis, Transformation
from bench.domains.plane.models.planar import OddKernel
from bench.domains.plane.network import channels_last
from bench.registry import Options

Name = Literal["rotation", "scale", "rotation-scale", "shear-x", "shear-y", "aspect", "perspective-x", "perspective-y"]


class PoseOptions(Options):
    """How poses are seen and predicted."""

    predictor_channels: int = Field(8, ge=1, description="channels of a pose predictor; 32 in the released code")
    predictor_kernel: OddKernel = 3
    pose_samples: int = Field(2, ge=1, le=8, description="samples of a pose's axis, per pixel of the image's side")
    sharpness: float = Field(10.0, gt=0, description="of the heat maps on a circle, before training; 1 on a line")
    # The defaults are the windows of the released code. The distortions of projective MNIST (scale to 2, aspect to 1.5,
    # shear to 1.5, perspective to 0.8) lie well inside, as they must: what leaves the window takes the pose with it.
    max_scale: float = Field(4.0, gt=1, description="largest factor of scale that is undone")
    max_shear: float = Field(5.0, gt=0, description="largest shear that is undone")
    max_aspect: float = Field(6.0, gt=1, description="largest factor of width, and of 1 / height, that is undone")
    max_perspective: float = Field(3.0, gt=0, description="largest perspective that is undone")

    @field_validator("predictor_kernel")
    @classmethod
    def _centred(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError("predictor_kernel must be odd: an even kernel shifts the pose")
        return size


def transformation(name: Name, size: int, options: PoseOptions) -> Transformation:
    """Return the transformation of a name, its grid made for images of ``size`` pixels."""
    samples = options.pose_samples * size
    kinds: dict[Name, Callable[[], Transformation]] = {
        "rotation": lambda: canonical.rotation(size, samples),
        "scale": lambda: canonical.scale(size, options.max_scale),
        "rotation-scale": lambda: canonical.rotation_scale(size, options.max_scale),
        "shear-x": lambda: canonical.shear_x(size, options.max_shear, samples),
        "shear-y": lambda: canonical.shear_y(size, options.max_shear, samples),
        "aspect": lambda: canonical.aspect(size, options.max_aspect, samples),
        "perspective-x": lambda: canonical.perspective_x(size, options.max_perspective, samples),
        "perspective-y": lambda: canonical.perspective_y(size, options.max_perspective, samples),
    }
    return kinds[name]()


def pad(maps: Tensor, dim: int, width: int, mode: str) -> Tensor:
    """Pad a dimension from 2 on by ``width`` at both ends."""
    after, before = maps.dim() - 1 - dim, dim - 2
    return F.pad(maps, (*[0, 0] * after, width, width, *[0, 0] * before), mode=mode)


class PosePredictor(nn.Module):
    """Images in canonical coordinates (B, C, rows, columns) to the parameters (B, poses).

    Two convolutions, which keep translations along the pose axes; for each pose a maximum over the other axis, a
    convolution to a heat map, and the centroid of its softmax plus a learned offset.
    """

    STRIDE = 2

    def __init__(self, channels: int, transformation: Transformation, options: PoseOptions) -> None:
        super().__init__()
        hidden, kernel_size = options.predictor_channels, options.predictor_kernel
        self.axes, self.poses = transformation.axes, transformation.poses
        self.padding = kernel_size // 2
        self.first = nn.Conv2d(channels, hidden, kernel_size, stride=self.STRIDE, bias=False)
        self.second = nn.Conv2d(hidden, hidden, kernel_size, bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(hidden), nn.BatchNorm2d(hidden)
        self.heat = nn.ModuleList(nn.Conv1d(hidden, 1, kernel_size, bias=False) for _ in self.poses)
        # A flat softmax on a circle has hardly a direction, and its angle follows rounding errors and noise: start with
        # peaks. On a line it gives zero whatever the image: start flat, with almost the identity, and let it learn.
        circles = [self.axes[pose].periodic for pose in self.poses]
        self.sharpness = nn.Parameter(torch.tensor([options.sharpness if circle else 1.0 for circle in circles]))
        self.offsets = nn.Parameter(torch.zeros(len(self.poses)))

    def forward(self, warped: Tensor) -> Tensor:
        maps = F.leaky_relu(self.first_norm(self.first(self._pad(self._pad(warped, 2, 0), 3, 1))), 0.1)
        maps = F.leaky_relu(self.second_norm(self.second(self._pad(self._pad(maps, 2, 0), 3, 1))), 0.1)
        coordinates = []
        for pose, to_heat, sharpness in zip(self.poses, self.heat, self.sharpness, strict=True):
            heat = to_heat(self._pad(maps.amax(3 - pose), 2, pose)).squeeze(1)
            coordinates.append(centroid(torch.softmax(heat * sharpness, 1), self.axes[pose], self.STRIDE))
        return torch.stack(coordinates, 1) + self.offsets

    def _pad(self, maps: Tensor, dim: int, place: int) -> Tensor:
        """Pad the axis ``place`` of the grid, which is dimension ``dim`` of the maps."""
        # zeros would draw an edge at the end of a pose's window, a feature that stays where it is as the image moves
        at_ends = "replicate" if place in self.poses else "constant"
        return pad(maps, dim, self.padding, "circular" if self.axes[place].periodic else at_ends)


def centroid(weights: Tensor, axis: Axis, stride: int) -> Tensor:
    """Return the mean coordinate (B,), from the axis's middle, of weights (B, n) at every stride-th of its samples.

    On a periodic axis it is the direction of the mean, in radians.
    """
    n = weights.shape[1]
    positions = (torch.arange(n, dtype=weights.dtype, device=weights.device) - (n - 1) / 2) * (axis.step * stride)
    if axis.periodic:
        return torch.atan2(weights @ positions.sin(), weights @ positions.cos())
    return weights @ positions


class Canonicalise(nn.Module):
    """Undo a sequence of transformations: images (B, C, S, S) to images (B, C, rows, columns) at ``points``.

    An empty sequence undoes nothing: images are sampled at the points as they are.
    """

    points: Tensor

    def __init__(
        self,
        channels: int,
        transformations: Sequence[Transformation],
        points: np.ndarray,
        options: PoseOptions,
    ) -> None:
        super().__init__()
        self.matrices = [each.matrix for each in transformations]
        self.predictors = nn.ModuleList(PosePredictor(channels, t, options) for t in transformations)
        for i, each in enumerate(transformations):
            self.register_buffer(f"grid{i}", torch.tensor(each.points, dtype=torch.float32), persistent=False)
        self.register_buffer("points", torch.tensor(points, dtype=torch.float32), persistent=False)

    def poses(self, images: Tensor) -> tuple[Tensor | None, list[Tensor]]:
        """Return the composed homographies (B, 3, 3), if any, and the parameters (B, poses) of each transformation."""
        composed: Tensor | None = None
        poses = []
        for i, (matrix, predict) in enumerate(zip(self.matrices, self.predictors, strict=True)):
            grid = self.get_buffer(f"grid{i}")
            points = grid[None] if composed is None else canonical.move(composed, grid)
            poses.append(predict(canonical.sample(images, points)))
            step = matrix(*poses[-1].unbind(1))
            composed = step if composed is None else composed @ step
        return composed, poses

    def forward(self, images: Tensor) -> Tensor:
        # not in bfloat16, which would lose half the digits of a coordinate
        with torch.autocast(images.device.type, enabled=False):
            images = images.to(self.points.dtype)
            composed, _ = self.poses(images)
            points = self.points[None] if composed is None else canonical.move(composed, self.points)
            undone = canonical.sample(images, points)
        # sampling drops the layout that the convolutions behind it are fastest in
        return channels_last(undone)
