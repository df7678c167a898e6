"""A block of a spherical network: correlation, normalisation, and a nonlinearity on a grid."""

from __future__ import annotations

import math
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

_EPSILON = 1e-5

Kernel = LocalKernel | FullKernel


class SpectrumNorm(nn.Module):
    """Batch normalisation of functions on SO(3), from their spectra: mean and variance over the group by quadrature.

    The mean of a function is its coefficient of degree 0, its mean square is Parseval's sum, so that no statistic
    depends on how a function is turned, and no grid is visited.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.momentum = 0.1
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running", torch.stack([torch.zeros(channels), torch.ones(channels)]))
        self.running: Tensor

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return spectra (B, C, l, m, n, 2) whose functions have the learned mean and variance."""
        if self.training:
            normalised: tuple[Tensor, Tensor, Tensor] = _Normalise.apply(spectrum, self.weight, self.bias)
            with torch.no_grad():
                self.running.lerp_(torch.stack(normalised[1:]), self.momentum)
            return normalised[0]
        mean, variance = self.running
        scale = self.weight * torch.rsqrt(variance + _EPSILON)
        return _scaled(spectrum, scale, self.bias - mean * scale)


class _Normalise(torch.autograd.Function):
    """Spectra with the learned mean and variance over the batch and the group, and the mean and variance they had.

    With z = (x - mean) / s and y = w z + b: dx = (w / s) (dy - <dy> - z p <dy z>), where <dy> is the mean over examples
    of the slopes of constants, <dy z> that of sums over all numbers, and p Parseval's weight of a number. Written for
    few passes over the numbers; what is constant is set right afterwards.
    """

    @staticmethod
    def forward(ctx: Any, spectrum: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = parseval(spectrum.shape[2], spectrum.device)[..., 0, 0]
        mean = _constants(spectrum).mean(0)
        squares = torch.linalg.vector_norm(spectrum, dim=(0, 4, 5)).square()
        variance = ((squares * weights).sum((1, 2)) / len(spectrum) - mean.square()).clamp(min=0)
        inverse = torch.rsqrt(variance + _EPSILON)
        ctx.save_for_backward(spectrum, weight, weights, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return _scaled(spectrum, weight * inverse, bias - mean * inverse * weight), mean, variance

    @staticmethod
    def backward(ctx: Any, slope: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        spectrum, weight, weights, mean, inverse = ctx.saved_tensors
        scale, of_constants = weight * inverse, _constants(slope).sum(0)
        along = ((slope * spectrum).sum((0, 2, 3, 4, 5)) - mean * of_constants) * inverse
        pull = scale * inverse * along / len(slope)
        slope_of_spectrum = slope * scale[:, None, None, None, None]
        slope_of_spectrum.addcmul_(spectrum, (pull[:, None, None] * weights)[..., None, None], value=-1)
        _constants(slope_of_spectrum).add_(mean * pull - scale * of_constants / len(slope))
        return slope_of_spectrum, along, of_constants


def _scaled(spectrum: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return the spectra of functions times a scale (C,) plus a shift (C,), in the memory order that they have."""
    scaled = spectrum * scale[:, None, None, None, None]
    _constants(scaled).add_(shift)
    return scaled


def _constants(spectrum: Tensor) -> Tensor:
    """Return the means of functions, which are numbers of their spectra (B, C, l, m, n, 2): a view (B, C)."""
    return spectrum[:, :, 0, 0, spectrum.shape[4] // 2, 0]


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
        masks = correlated(spectrum, self.kernel().transpose(-1, -2), self.degrees)
        return on_sphere(masks, self.bandwidth) + self.bias[:, None, None]


def grid_of(degrees: int, oversampling: float) -> int:
    """Return the even bandwidth of a grid that is ``oversampling`` times as fine as a band limit asks."""
    return 2 * math.ceil(oversampling * degrees / 2 - 1e-9)
