"""How functions on the sphere, and spectra of functions on rotations, transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.domains.sphere.action import resampled, turned
from bench.domains.sphere.action import rotated as rotated_spectrum
from bench.domains.sphere.rotations import Rotation
from bench.domains.sphere.transforms import parseval
from bench.domains.sphere.wigner import quadrature

Resampling = Literal["spline", "bilinear", "harmonic"]


def areas(bandwidth: int) -> Tensor:
    """Return the areas of the points of a grid (2b, 1), float64, of mean 1."""
    return torch.from_numpy(quadrature(bandwidth)[:, None] * 2 * bandwidth)


@dataclass(frozen=True)
class Signals:
    """Functions on the sphere (B, C, 2b, 2b), on the grid of Driscoll and Healy; they are weighed by area.

    ``harmonic`` rotates them through their spectra: exact up to the band limit b, beyond which nothing is kept; the
    others read them at turned points.
    """

    resampling: Resampling = "harmonic"

    def act(self, values: Tensor, g: Rotation) -> Tensor:
        quaternion = torch.tensor([g.quaternion], dtype=torch.float64)
        if self.resampling == "harmonic":
            return turned(values, quaternion)
        return resampled(values, quaternion, self.resampling)

    def weights(self, values: Tensor) -> Tensor:
        """Return the areas of the points (2b, 1), of mean 1."""
        return areas(values.shape[-2] // 2).to(values.device, torch.float32)

    def derivative(self, values: Tensor, flow: str) -> None:
        return None


@dataclass(frozen=True)
class RotationSpectra:
    """Spectra (B, C, l, m, n, 2) of functions on SO(3), on which rotations act from the left."""

    def act(self, spectrum: Tensor, g: Rotation) -> Tensor:
        return rotated_spectrum(spectrum, torch.tensor([g.quaternion], dtype=torch.float64))

    def weights(self, spectrum: Tensor) -> Tensor:
        """Return what each number counts in a mean square: Parseval's 2l + 1, twice for orders that stand for two."""
        return parseval(spectrum.shape[2], spectrum.device)

    def derivative(self, spectrum: Tensor, flow: str) -> None:
        return None
