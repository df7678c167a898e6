"""Batch normalisation of fields: one mean and one variance per field, so that normalising commutes with the group."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor, nn

from bench.groups import FieldType


class FieldBatchNorm(nn.Module):
    """Normalise (B, channels, S, S) by statistics that are shared by all components of a field.

    Fields whose components are permuted have a mean, the same for every component, and get a learned bias; the others
    have mean zero by symmetry, are divided by their root mean square and get none (Weiler & Cesa 2019, section 2.6).
    """

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        kinds = [(rho.permutes, rho.size) for rho, count in fields.fields for _ in range(count)]
        runs = [(kind, len(list(run))) for kind, run in groupby(kinds)]
        self.sizes = [size for (_, size), _ in runs]
        self.widths = [size * count for (_, size), count in runs]
        self.parts = nn.ModuleList(
            nn.BatchNorm2d(count) if permutes else RootMeanSquareNorm(count) for (permutes, _), count in runs
        )

    def forward(self, features: Tensor) -> Tensor:
        batch, _, height, width = features.shape
        normalised = []
        for part, size, block in zip(self.parts, self.sizes, torch.split(features, self.widths, dim=1), strict=True):
            # the components of a field stand in for more rows, which a batch normalisation of images averages over
            rows = block.reshape(batch, -1, size * height, width)
            normalised.append(part(rows).view(batch, -1, height, width))
        return torch.cat(normalised, 1) if len(normalised) > 1 else normalised[0]


class RootMeanSquareNorm(nn.Module):
    """Divide every channel of (B, channels, H, W) by its root mean square over the batch, and scale it."""

    running_square: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.scale = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_square", torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        if self.training:
            square = features.square().mean((0, 2, 3), dtype=torch.float32)
            with torch.no_grad():
                self.running_square.lerp_(square, self.momentum)
        else:
            square = self.running_square
        factor = self.scale * torch.rsqrt(square + self.eps)
        return features * factor.to(features.dtype)[:, None, None]
