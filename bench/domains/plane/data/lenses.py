"""Gravitational lenses in closed form: deflections of thin lenses, brightness of sources, what a telescope sees.

Angles are seconds of arc, x right and y up; positions are (..., 2), and parameters of N lenses are (N,), which act on
positions (N, ..., 2). An image at theta shows the source at beta = theta - alpha(theta). Deflections as in Kormann et
al. 1994 (ellipse), Keeton 2001; brightness Sersic 1963 with the constant of Ciotti & Bertin 1999.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

#: Of the flat universe in which distances are taken: Hubble's constant in km/s/Mpc, and the share of matter.
HUBBLE, MATTER = 70.0, 0.3
LIGHT = 299_792.458  # km/s
#: The gravitational radius G M / c^2 of the sun, in megaparsec.
SUN = 4.7854e-20
ARCSECONDS = 180 * 3600 / math.pi


Distances = Literal["angular", "luminosity"]


def einstein_radius(
    mass: Tensor | float, lens: float = 0.5, source: float = 1.0, distances: Distances = "angular"
) -> Tensor:
    """Return the radius in arcsec of the ring that a point mass, in suns, makes at these redshifts.

    Angles are ratios of angular-diameter distances; with luminosity distances in their places, and the difference of
    two as the third, as DeepLenseSim has it, the radius is a smaller one.
    """
    far, near = _comoving(source), _comoving(lens)
    if distances == "angular":
        ratio = (far - near) / (1 + source) / (near / (1 + lens) * far / (1 + source))
    else:
        ratio = 1 / (near * (1 + lens)) - 1 / (far * (1 + source))
    return torch.sqrt(4 * SUN * torch.as_tensor(mass, dtype=torch.float64) * ratio) * ARCSECONDS


def _comoving(redshift: float, steps: int = 2000) -> float:
    z = torch.linspace(0, redshift, steps + 1, dtype=torch.float64)
    return float(torch.trapezoid(1 / torch.sqrt(MATTER * (1 + z) ** 3 + 1 - MATTER), z)) * LIGHT / HUBBLE


def turned(positions: Tensor, angle: Tensor) -> Tensor:
    """Return positions in a frame that is turned by angles (N,), counterclockwise, in radians."""
    x, y = positions.unbind(-1)
    cos, sin = (_beside(part, x) for part in (angle.cos(), angle.sin()))
    return torch.stack([cos * x + sin * y, cos * y - sin * x], -1)


def ellipse(positions: Tensor, radius: Tensor, ratio: Tensor, angle: Tensor) -> Tensor:
    """Return the deflection of singular isothermal ellipses: Einstein radius, axis ratio b / a, angle of the long axis.

    In their own frame a = R sqrt(q) / f (atan(f x / psi), artanh(f y / psi)), f^2 = 1 - q^2, psi^2 = q^2 x^2 + y^2.
    """
    x, y = turned(positions, angle).unbind(-1)
    # a circle is the limit of ellipses, whose formula divides by f
    q = _beside(ratio.clamp(max=1 - 1e-6), x)
    f = torch.sqrt(1 - q**2)
    psi = torch.sqrt(q**2 * x**2 + y**2).clamp(min=1e-12)
    size = _beside(radius, x) * torch.sqrt(q) / f
    own = torch.stack([size * torch.atan(f * x / psi), size * torch.atanh(f * y / psi)], -1)
    return turned(own, -angle)


def shear(positions: Tensor, size: Tensor, angle: Tensor) -> Tensor:
    """Return the deflection of an external shear (g1 x + g2 y, g2 x - g1 y), g = size (cos, sin)(2 angle)."""
    x, y = positions.unbind(-1)
    g1, g2 = (_beside(size * part, x) for part in ((2 * angle).cos(), (2 * angle).sin()))
    return torch.stack([g1 * x + g2 * y, g2 * x - g1 * y], -1)


def points(positions: Tensor, places: Tensor, radii: Tensor) -> Tensor:
    """Return the deflection of point masses at places (N, K, 2) of Einstein radii (N, K); 0 is no mass."""
    x, y = (part.contiguous() for part in positions.unbind(-1))
    along, across = torch.zeros_like(x), torch.zeros_like(x)
    for place, radius in zip(places.unbind(1), radii.unbind(1), strict=True):
        dx, dy = x - _beside(place[:, 0], x), y - _beside(place[:, 1], x)
        squared = (dx * dx).addcmul_(dy, dy).clamp_(min=1e-12)
        pull = _beside(radius**2, x) / squared
        along.addcmul_(dx, pull)
        across.addcmul_(dy, pull)
    return torch.stack([along, across], -1)


def line(positions: Tensor, radius: Tensor, half: Tensor, angle: Tensor) -> Tensor:
    """Return the deflection of a mass spread evenly over a segment of a half length, centred: its Einstein radius.

    The integral of point masses along it: in its frame, with u = x + h and v = x - h,
    R^2 / 2h (log(u^2 + y^2) / 2 - log(v^2 + y^2) / 2, atan2(y, v) - atan2(y, u)).
    """
    x, y = turned(positions, angle).unbind(-1)
    h = _beside(half, x)
    u, v = x + h, x - h
    along = 0.5 * torch.log((u**2 + y**2).clamp(min=1e-12) / (v**2 + y**2).clamp(min=1e-12))
    across = torch.atan2(y, v) - torch.atan2(y, u)
    own = torch.stack([along, across], -1) * (_beside(radius**2, x) / (2 * h))[..., None]
    return turned(own, -angle)


def sersic(positions: Tensor, centre: Tensor, radius: Tensor, ratio: Tensor, angle: Tensor, index: float) -> Tensor:
    """Return the brightness, 1 at the half-light radius, of sources: centre (N, 2), radius, axis ratio, long axis."""
    apart = positions - centre.view(len(centre), *[1] * (positions.dim() - 2), 2)
    x, y = turned(apart, angle).unbind(-1)
    q = _beside(ratio, x)
    elliptical = torch.sqrt(q * x**2 + y**2 / q) / _beside(radius, x)
    constant = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25_515 * index**2)
    return torch.exp(-constant * (elliptical ** (1 / index) - 1))


def grid(size: int, pixel: float, finer: int = 1) -> Tensor:
    """Return the centres (S, S, 2) of pixels of a side in arcsec, each cut into ``finer`` squared; row 0 is above."""
    steps = (torch.arange(size * finer, dtype=torch.float64) + 0.5) / finer - size / 2
    x, y = torch.meshgrid(steps * pixel, -steps * pixel, indexing="xy")
    return torch.stack([x, y], -1)


def blurred(images: Tensor, deviation: float) -> Tensor:
    """Return images (N, S, S) convolved with a Gaussian of a standard deviation in pixels; dark beyond their edges."""
    places = torch.arange(images.shape[-1], dtype=images.dtype)
    spread = torch.exp(-0.5 * ((places[:, None] - places) / deviation) ** 2)
    spread /= torch.exp(-0.5 * (torch.arange(-len(places), len(places) + 1) / deviation) ** 2).sum()
    return spread @ images @ spread


def exposed(images: Tensor, seconds: Tensor, background: float, generator: torch.Generator) -> Tensor:
    """Return images (N, S, S) of brightness per second as counted in so many seconds (N,), with Poisson's noise."""
    time = _beside(seconds, images)
    return torch.poisson((images + background) * time, generator=generator) / time - background


def _beside(values: Tensor, like: Tensor) -> Tensor:
    """Return values (N,) as a factor of what has N first and as many dimensions as ``like``."""
    return values.view(len(values), *[1] * (like.dim() - 1))
