"""Homographies of the plane, PGL(3), as a group that images are moved by.

A homography is a matrix (3, 3), known up to a factor, that moves the point (x, y) to ((H x)_1, (H x)_2) / (H x)_3 with
x = (x, y, 1). Points are (x, y), y upwards, in units of half the image's size. No probability on the group is
invariant, so that strength 1 is the published distribution of Projective MNIST (Tai et al. 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.groups.group import Element, Group

#: The share of the image that the object in its middle fills: 28 of 64 pixels, a digit of Projective MNIST.
OBJECT = 28 / 64

ANGLE = math.pi
SHEAR = 1.5
SCALE = 2.0
ASPECT = 1.5
PERSPECTIVE = 0.8
"""The ranges at strength 1; perspective is in units of 1 / half the object's size, so that below 1 the object stays in
front of the horizon."""


@dataclass(frozen=True)
class Homographies:
    """The group PGL(3), drawn without translations: perspective after shear after scale and aspect, then a rotation.

    >>> str(Homographies())
    'PGL(3)'
    """

    keeps_grid = False
    is_trivial = False
    on_grid = Group(4)
    """The quarter turns: what is drawn and permutes pixels."""

    def __str__(self) -> str:
        return "PGL(3)"

    def sample(self, strength: float, count: int, generator: torch.Generator) -> tuple[Tensor]:
        """Draw ``count`` homographies with a strength s in [0, 1]: matrices (count, 3, 3), float32.

        An angle uniform in +-pi s, a shear in +-1.5 s, the logarithm of the scale in [0, s ln 2] and of the aspect in
        +-s ln 1.5; the perspective (a, b) is uniform in a within +-0.8 s, then in b with |a| + |b| at most 0.8 s.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength} is outside [0, 1]")
        shares = torch.rand(count, 6, generator=generator, device=generator.device, dtype=torch.float64)
        signed = strength * (2 * shares - 1)
        angle, shear, aspect = ANGLE * signed[:, 0], SHEAR * signed[:, 1], (math.log(ASPECT) * signed[:, 2]).exp()
        scale = (strength * math.log(SCALE) * shares[:, 3]).exp()
        across = PERSPECTIVE * signed[:, 4]
        upwards = (PERSPECTIVE * strength - across.abs()) * (2 * shares[:, 5] - 1)
        zero, one = torch.zeros_like(angle), torch.ones_like(angle)
        turn = _matrices((angle.cos(), -angle.sin(), zero), (angle.sin(), angle.cos(), zero), (zero, zero, one))
        stretch = _matrices((scale * aspect, shear * scale / aspect, zero), (zero, scale / aspect, zero))
        horizon = torch.stack([across / OBJECT, upwards / OBJECT, one], -1)[:, None]
        return ((turn @ torch.cat([stretch, horizon], 1)).float(),)

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> list[Element]:
        """Return rotations, the part of what is drawn that keeps lengths, at which equivariance is measured."""
        return Group(None).probes(magnitudes)

    def orbit(self, count: int) -> list[Element]:
        """Return evenly spaced rotations."""
        return Group(None).orbit(count)


def inverse_up_to_scale(matrices: Tensor) -> Tensor:
    """Return the adjugates (B, 3, 3) of matrices of positive determinant: their inverses, as homographies.

    Cross products, where an inversion would have the host wait for a GPU.
    """
    first, second, third = matrices.unbind(-2)
    columns = [torch.linalg.cross(second, third), torch.linalg.cross(third, first), torch.linalg.cross(first, second)]
    return torch.stack(columns, -1)


def _matrices(*rows: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
