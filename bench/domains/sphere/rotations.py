"""Rotations of the sphere, and the groups of them: SO(3), SO(2) about the z axis, and those that keep the grid.

Conventions, fixed here and imported by the rest of the domain: ``beta`` is the angle from the north pole (z), ``alpha``
the longitude, so that a point is (sin beta cos alpha, sin beta sin alpha, cos beta); Euler angles are z-y-z,
``g = Rz(alpha) Ry(beta) Rz(gamma)``; and (T_g f)(p) = f(g^-1 p).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bench.errors import UserError
from bench.seeds import generator as stream


@dataclass(frozen=True)
class Rotation:
    """A rotation as a unit quaternion; ``g @ h`` composes (h first), ``~g`` inverts.

    >>> turn = Rotation.about((0, 0, 1), 90)
    >>> str(turn @ turn), (turn @ ~turn) == Rotation()
    ('rotation 180 about (0, 0, 1)', True)
    """

    w: float = 1.0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    kind = "rotation"
    unit = "degrees"

    @classmethod
    def about(cls, axis: Sequence[float], degrees: float) -> Rotation:
        """Return the turn about an axis (3,), counterclockwise for who looks against it."""
        half, length = math.radians(degrees) / 2, math.hypot(*axis)
        return cls._of(math.cos(half), *(math.sin(half) * each / length for each in axis))

    @classmethod
    def of_quaternion(cls, quaternion: Sequence[float]) -> Rotation:
        """Return the rotation of a quaternion (4,), of any length but zero."""
        length = math.hypot(*quaternion)
        return cls._of(*(each / length for each in quaternion))

    @classmethod
    def _of(cls, *parts: float) -> Rotation:
        # one of the two quaternions of a rotation, without the dust that would tell equal rotations apart
        rounded = [round(each, 15) + 0.0 for each in parts]
        sign = next((math.copysign(1, each) for each in rounded if each), 1)
        return cls(*(sign * each + 0.0 for each in rounded))

    def __matmul__(self, other: Rotation) -> Rotation:
        (a, b, c, d), (e, f, g, h) = self.quaternion, other.quaternion
        return Rotation._of(
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        )

    def __invert__(self) -> Rotation:
        return Rotation._of(self.w, -self.x, -self.y, -self.z)

    def __str__(self) -> str:
        axis = (self.x, self.y, self.z)
        length = math.hypot(*axis)
        if not length:
            return "rotation 0"
        return f"rotation {self.magnitude:g} about ({', '.join(f'{each / length:.3g}' for each in axis)})"

    @property
    def quaternion(self) -> tuple[float, float, float, float]:
        return self.w, self.x, self.y, self.z

    @property
    def magnitude(self) -> float:
        """The geodesic angle from the identity, in degrees."""
        return round(math.degrees(2 * math.atan2(math.hypot(self.x, self.y, self.z), self.w)), 6)

    @cached_property
    def matrix(self) -> np.ndarray:
        """The matrix (3, 3) that moves points."""
        matrix: np.ndarray = matrices(torch.tensor([self.quaternion], dtype=torch.float64))[0].numpy()
        return matrix

    @property
    def euler(self) -> tuple[float, float, float]:
        """The angles (alpha, beta, gamma) in radians, with alpha 0 where beta leaves only their sum."""
        return tuple(float(each) for each in euler(torch.tensor([self.quaternion], dtype=torch.float64))[:, 0])  # type: ignore[return-value]


def matrices(quaternions: Tensor) -> Tensor:
    """Return the matrices (n, 3, 3) of unit quaternions (n, 4)."""
    w, x, y, z = quaternions.unbind(1)
    rows = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def euler(quaternions: Tensor) -> Tensor:
    """Return the z-y-z Euler angles alpha, beta, gamma (3, n), in radians, of unit quaternions (n, 4)."""
    w, x, y, z = quaternions.unbind(1)
    total, difference = torch.atan2(z, w), torch.atan2(-x, y)
    beta = 2 * torch.atan2(torch.hypot(x, y), torch.hypot(w, z))
    return torch.stack([total + difference, beta, total - difference])


@dataclass(frozen=True)
class RotationGroup:
    """A group of rotations: SO(3), SO(2) about z, C2 and C4 of it, D2 and D4 with the half turns about x and y.

    ``block`` is how many examples in a row share one drawn rotation, as in the data of Gerken et al. 2022, whose
    generator draws one for 500 images; 1 is one for each.

    >>> str(RotationGroup.parse("SO(3)").on_grid), str(RotationGroup.parse("SO(3) by 500"))
    ('D4', 'SO(3) by 500')
    """

    name: str
    block: int = 1

    @classmethod
    def parse(cls, text: str) -> RotationGroup:
        """Return the group of a name such as ``SO(3)``, ``D4``, ``SO(3) by 500``; UserError for another text."""
        match = re.fullmatch(r"(SO\(3\)|SO\(2\)|[CD][24]|C1)(?: by ([1-9]\d{0,5}))?", text)
        if not match or (match[2] and not match[1].startswith("SO")):
            raise UserError(
                f"unknown group '{text}'; known: SO(3), SO(2) (about the poles), C1, C2, C4, D2, D4, and "
                "'SO(3) by 500' for one rotation in 500 examples"
            )
        return cls(match[1], int(match[2] or 1))

    def __str__(self) -> str:
        return self.name if self.block == 1 else f"{self.name} by {self.block}"

    @property
    def elements(self) -> tuple[Rotation, ...]:
        """Every element of a finite group; ValueError for a continuous one."""
        if self.name.startswith("SO"):
            raise ValueError(f"{self} has infinitely many elements")
        turns = int(self.name[1])
        about_z = [Rotation.about((0, 0, 1), 360 * k / turns) for k in range(turns)]
        flips = [Rotation(), Rotation.about((1, 0, 0), 180)] if self.name[0] == "D" else [Rotation()]
        return tuple(turn @ flip for flip in flips for turn in about_z)

    @property
    def keeps_grid(self) -> bool:
        """Whether every element takes the points of grids of an even bandwidth to one another."""
        return not self.name.startswith("SO")

    @property
    def is_trivial(self) -> bool:
        return self.name == "C1"

    @property
    def on_grid(self) -> RotationGroup:
        """The subgroup that does: quarter turns about the poles, and half turns that exchange them, if any."""
        return RotationGroup({"SO(3)": "D4", "SO(2)": "C4"}.get(self.name, self.name))

    def sample(self, strength: float, count: int, generator: torch.Generator) -> tuple[Tensor]:
        """Draw ``count`` rotations with a strength s in [0, 1], as quaternions (count, 4).

        They are those of a geodesic angle up to 180 s degrees, with the Haar measure restricted to them (of SO(2):
        uniform); of a finite group each of those elements alike. Strength 1 is the Haar measure, 0 the identity.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength} is outside [0, 1]")
        blocks = -(-count // self.block)
        if self.keeps_grid:
            near = [g.quaternion for g in self.elements if g.magnitude <= 180 * strength + 1e-6]
            chosen = torch.randint(len(near), (blocks,), generator=generator)
            drawn = torch.tensor(near, dtype=torch.float64)[chosen]
        elif self.name == "SO(2)":
            half = (torch.rand(blocks, generator=generator, dtype=torch.float64) - 0.5) * math.pi * strength
            drawn = torch.stack([half.cos(), 0 * half, 0 * half, half.sin()], 1)
        else:
            axes = torch.randn(blocks, 3, generator=generator, dtype=torch.float64)
            half = _angles(torch.rand(blocks, generator=generator, dtype=torch.float64), math.pi * strength) / 2
            drawn = torch.cat([half.cos()[:, None], half.sin()[:, None] * axes / axes.norm(dim=1, keepdim=True)], 1)
        return (drawn.repeat_interleave(self.block, 0)[:count].float(),)

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> list[Rotation]:
        """Return rotations by the angles of ``magnitudes["rotation"]``: of SO(3) about an axis of its own for each.

        The axes are random, the same in every run, and not z, about which every network with a periodic longitude is
        right. Of the other groups they are about z, with the half turn about x where the group has it.
        """
        draws = stream(0, "probes")
        if self.name == "SO(3)":
            return [
                Rotation.about(torch.randn(3, generator=draws, dtype=torch.float64).tolist(), angle)
                for angle in magnitudes["rotation"]
            ]
        turns = [Rotation.about((0, 0, 1), angle) for angle in magnitudes["rotation"]]
        return [*turns, Rotation.about((1, 0, 0), 180)] if self.name[0] == "D" else turns

    def orbit(self, count: int) -> list[Rotation]:
        """Return the elements of a finite group, or ``count`` random ones, the same in every run."""
        if self.keeps_grid:
            return list(self.elements)[: max(1, count)]
        (quaternions,) = RotationGroup(self.name).sample(1.0, count, stream(0, "orbit"))
        return [Rotation.of_quaternion(each.tolist()) for each in quaternions.double()]


def _angles(shares: Tensor, largest: float) -> Tensor:
    """Return the angles below which a ``share`` (n,) of the Haar measure up to a ``largest`` angle lies, in radians.

    The density of an angle w is 1 - cos w; its integral w - sin w is inverted by bisection.
    """
    if largest == 0:
        return torch.zeros_like(shares)
    wanted = shares * (largest - math.sin(largest))
    low, high = torch.zeros_like(shares), torch.full_like(shares, largest)
    for _ in range(60):
        middle = (low + high) / 2
        below = middle - middle.sin() < wanted
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


parse = RotationGroup.parse
