"""A block of a spherical network: correlation, normalisation, and a nonlinearity on a grid."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from bench.domains.sphere.layers.correlation import correlated
from bench.domains.sphere.layers.kernels import FullKernel, LocalKernel
from bench.domains.sphere.transforms import (
    integral,
    on_rotations,
    on_sphere,
    parseval,
    rotation_spectrum,
    sphere_spectrum,
)

_MOMENTUM = 0.1
_EPSILON = 1e-5

Kernel = LocalKernel | FullKernel


class SpectrumNorm(nn.Module):
    """Batch normalisation of functions on SO(3), from their spectra: mean and variance over the group by quadrature.

    The mean of a function is its coefficient of degree 0, its mean square is Parseval's sum, so that no statistic
    depends on how a function is turned, and no grid is visited.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running", torch.stack([torch.zeros(channels), torch.ones(channels)]))
        self.running: Tensor

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return spectra (B, C, l, m, n, 2) whose functions have the learned mean and variance."""
        if self.training:
            normal, mean, variance = _Normalise.apply(spectrum)
            with torch.no_grad():
                self.running.lerp_(torch.stack([mean, variance]), _MOMENTUM)
            scale, shift = self.weight.view(-1), self.bias.view(-1)
        else:
            before, squared = self.running
            normal, scale = spectrum, self.weight * torch.rsqrt(squared + _EPSILON)
            shift = self.bias - before * scale
        spread = (slice(None), *[None] * 4)
        return torch.addcmul(_constant(spectrum.shape[2], spectrum.device) * shift[spread], normal, scale[spread])


class _Normalise(torch.autograd.Function):
    """Spectra of mean 0 and variance 1 over the batch and the group, with the mean and the variance that they had.

    With y = (x - mean) / s: dx = (dy - <dy> - y p <dy, y>) / s, where p is Parseval's weight of a number, <dy, y> the
    sum over all numbers, and <dy> the sum over constants, each divided by the examples.
    """

    @staticmethod
    def forward(ctx: Any, spectrum: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        count, degrees = len(spectrum), spectrum.shape[2]
        weights = parseval(degrees, spectrum.device)[..., 0, 0]
        mean = spectrum[:, :, 0, 0, spectrum.shape[4] // 2, 0].mean(0)
        squares = spectrum.square().sum((0, 4, 5))
        variance = ((squares * weights).sum((1, 2)) / count - mean.square()).clamp(min=0)
        inverse = torch.rsqrt(variance + _EPSILON)
        normal = spectrum * inverse[:, None, None, None, None]
        normal[:, :, 0, 0, spectrum.shape[4] // 2, 0] -= mean * inverse
        ctx.save_for_backward(normal, inverse, weights)
        ctx.mark_non_differentiable(mean, variance)
        return normal, mean, variance

    @staticmethod
    def backward(ctx: Any, slope: Tensor, *_: Tensor) -> Tensor:
        normal, inverse, weights = ctx.saved_tensors
        count, middle = len(slope), slope.shape[4] // 2
        along = (slope * normal).sum((0, 2, 3, 4, 5)) / count
        constants = slope[:, :, 0, 0, middle, 0].mean(0)
        pull = (along * inverse)[:, None, None] * weights
        found = torch.addcmul(slope * inverse[:, None, None, None, None], normal, pull[..., None, None], value=-1)
        found[:, :, 0, 0, middle, 0] -= constants * inverse
        return found


@lru_cache(maxsize=64)
def _constant(degrees: int, device: torch.device) -> Tensor:
    """Return the spectrum (l, m, n, 2) of the function that is 1 everywhere."""
    found = torch.zeros(degrees, degrees, 2 * degrees - 1, 2)
    found[0, 0, degrees - 1, 0] = 1
    return found.to(device)


class RotationBlock(nn.Module):
    """Correlation to functions on SO(3), normalisation, and the rectifier on a grid of a bandwidth of its own.

    Takes spectra (B, C, l, m, k, 2), or functions on the sphere (B, C, 2b, 2b), of which it makes them; gives the
    spectrum of the rectified function up to ``keep`` degrees, or with ``keep`` 0 its integral (B, C), which no rotation
    changes. The rectifier makes all degrees: on a grid finer than the band limit fewer of them pass for lower ones.
    """

    def __init__(self, kernel: Kernel, channels: int, degrees: int, grid: int, keep: int) -> None:
        super().__init__()
        self.degrees, self.grid, self.keep = degrees, grid, keep
        self.kernel, self.norm = kernel, SpectrumNorm(channels)

    def forward(self, features: Tensor) -> Tensor:
        if features.dim() == 4:
            features = sphere_spectrum(features, self.degrees)
        spectrum = self.norm(correlated(features, self.kernel(), self.degrees))
        rectified = on_rotations(spectrum, self.grid).relu()
        if self.keep:
            return rotation_spectrum(rectified, self.keep)
        return integral(rectified)


class ToSphere(nn.Module):
    """Correlation of functions on SO(3) to functions on the sphere, which are read on its grid: (B, K, 2b, 2b).

    A kernel of the sphere, its orders exchanged, does not depend on gamma of what it makes.
    """

    def __init__(self, kernel: Kernel, outputs: int, degrees: int, bandwidth: int) -> None:
        super().__init__()
        self.bandwidth, self.degrees, self.kernel = bandwidth, degrees, kernel
        with torch.no_grad():
            # outputs of the size of inputs, as nothing normalises them
            kernel.values.mul_(math.sqrt(kernel.values.shape[-1]))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, spectrum: Tensor) -> Tensor:
        found = correlated(spectrum, self.kernel().transpose(-1, -2), self.degrees)
        return on_sphere(found, self.bandwidth) + self.bias[:, None, None]


def grid_of(degrees: int, oversampling: float) -> int:
    """Return the even bandwidth of a grid that is ``oversampling`` times as fine as a band limit asks."""
    return 2 * math.ceil(oversampling * degrees / 2 - 1e-9)
