"""Groups of matrices that keep a metric: O(d), SO(d), and the Lorentz group O(1,3) with its connected part."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from bench.errors import UserError
from bench.seeds import generator as stream

#: The largest d of O(d): a linear map between rank-2 tensors has d^4 numbers.
LARGEST = 8


@dataclass(frozen=True)
class MatrixElement:
    """A matrix (d, d), with what it is called; ``g @ h`` composes (h first), ``~g`` inverts.

    >>> turn = MatrixElement.of(np.array([[0.0, -1.0], [1.0, 0.0]]), "rotation", 90, "degrees")
    >>> str(turn), str(~turn)
    ('rotation 90', 'inverse of rotation 90')
    >>> np.allclose((turn @ turn).matrix, -np.eye(2))
    True
    """

    rows: tuple[tuple[float, ...], ...]
    kind: str = field(default="element", compare=False)
    magnitude: float = field(default=math.nan, compare=False)
    unit: str = field(default="", compare=False)
    name: str = field(default="", compare=False)

    @classmethod
    def of(
        cls, matrix: np.ndarray, kind: str = "element", magnitude: float = math.nan, unit: str = "", name: str = ""
    ) -> MatrixElement:
        """Return the element of a matrix (d, d)."""
        return cls(tuple(tuple(map(float, row)) for row in matrix), kind, magnitude, unit, name)

    @cached_property
    def matrix(self) -> np.ndarray:
        return np.array(self.rows)

    def __matmul__(self, other: MatrixElement) -> MatrixElement:
        return MatrixElement.of(self.matrix @ other.matrix, name=f"{self} after {other}")

    def __invert__(self) -> MatrixElement:
        inverse = np.linalg.inv(self.matrix)
        return MatrixElement.of(inverse, self.kind, self.magnitude, self.unit, f"inverse of {self}")

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.magnitude:g}"


@dataclass(frozen=True)
class MatrixGroup:
    """The matrices that keep the metric of ``time`` coordinates (0 or 1) and ``space`` others.

    ``reflects`` says whether reflections of space (and of time) belong to it. Without time it is O(d) or SO(d), which
    have Haar measures. The Lorentz group has none of mass one: its boosts are drawn up to a rapidity ``boost``.

    >>> str(MatrixGroup.parse("O(5)")), str(MatrixGroup.parse("SO+(1,3)")), str(MatrixGroup.parse("O(1,3) boost 2"))
    ('O(5)', 'SO+(1,3) boost 1', 'O(1,3) boost 2')
    """

    space: int
    time: int = 0
    reflects: bool = True
    boost: float = 0.0

    keeps_grid = True
    is_trivial = False

    @classmethod
    def parse(cls, text: str) -> MatrixGroup:
        """Return the group of a name such as ``O(5)``, ``SO(3)``, ``O(1,3)``, ``SO+(1,3) boost 2``."""
        plain = re.fullmatch(r"(S?)O\(([1-9]\d?)\)", text)
        if plain and 2 <= int(plain[2]) <= LARGEST:
            return cls(int(plain[2]), reflects=not plain[1])
        lorentz = re.fullmatch(r"(SO\+|O)\(1,([23])\)(?: boost (\d+(?:\.\d+)?))?", text)
        if lorentz and (lorentz[3] is None or 0 < float(lorentz[3]) <= 5):
            return cls(int(lorentz[2]), 1, lorentz[1] == "O", float(lorentz[3] or 1))
        raise UserError(
            f"unknown group '{text}'; known: O(2) to O({LARGEST}), SO(2) to SO({LARGEST}), O(1,3), SO+(1,3), and their "
            "bounds of boosts, as in SO+(1,3) boost 2 (above 0, up to 5)"
        )

    def __str__(self) -> str:
        if not self.time:
            return f"{'' if self.reflects else 'S'}O({self.space})"
        return f"{'O' if self.reflects else 'SO+'}({self.time},{self.space}) boost {self.boost:g}"

    @property
    def dimension(self) -> int:
        """The d of its matrices."""
        return self.time + self.space

    @property
    def metric(self) -> np.ndarray:
        """The diagonal (d,) of the metric: 1 of time and -1 of space; without time all 1."""
        return np.array([1.0] * self.time + [-1.0 if self.time else 1.0] * self.space)

    @property
    def on_grid(self) -> MatrixGroup:
        """All of it: there are no points to resample."""
        return self

    @property
    def algebra(self) -> list[np.ndarray]:
        """A basis of the Lie algebra: a rotation of every plane of space, a boost along every axis."""
        generators = []
        for i, j in combinations(range(self.dimension), 2):
            generator = np.zeros((self.dimension, self.dimension))
            generator[i, j], generator[j, i] = (1.0, 1.0) if i < self.time else (-1.0, 1.0)
            generators.append(generator)
        return generators

    @property
    def reflections(self) -> list[np.ndarray]:
        """Matrices that reach the parts that are not connected with the identity."""
        if not self.reflects:
            return []
        mirror = np.eye(self.dimension)
        mirror[-1, -1] = -1
        return [mirror, np.diag([-1.0] + [1.0] * self.space)] if self.time else [mirror]

    def sample(self, strength: float, count: int, generator: torch.Generator) -> tuple[Tensor]:
        """Draw ``count`` matrices (count, d, d) with a strength s in [0, 1].

        Rotations lie a share s of the way, along the geodesic, from the identity to a Haar-random one; boosts go in any
        direction by a rapidity uniform in [0, s times the bound], after the rotation; every reflection comes with
        probability s / 2. Strength 1 of O(d) and SO(d) is the Haar measure.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength} is outside [0, 1]")
        moved = self._embedded(_rotations(self.space, strength, count, generator))
        if self.time:
            direction = torch.randn(count, self.space, generator=generator, dtype=torch.float64)
            rapidity = strength * self.boost * torch.rand(count, generator=generator, dtype=torch.float64)
            moved = _boosts(direction / direction.norm(dim=1, keepdim=True), rapidity) @ moved
        for reflection in self.reflections:
            chosen = torch.rand(count, generator=generator, dtype=torch.float64) < strength / 2
            reflected = torch.as_tensor(reflection) @ moved
            moved = torch.where(chosen[:, None, None], reflected, moved)
        return (moved.float(),)

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> list[MatrixElement]:
        """Return rotations by the angles asked, each in a plane of its own, boosts of the rapidities, reflections.

        Planes and directions are random, and the same in every run.
        """
        draws = stream(0, "probes")
        elements = []
        for angle in magnitudes["rotation"] if not self.time else ():
            frame = _rotations(self.space, 1.0, 1, draws)[0].numpy()
            turn = np.eye(self.space)
            c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            turn[:2, :2] = [[c, -s], [s, c]]
            elements.append(MatrixElement.of(frame @ turn @ frame.T, "rotation", float(angle), "degrees"))
        for rapidity in magnitudes["boost"] if self.time else ():
            direction = torch.randn(1, self.space, generator=draws, dtype=torch.float64)
            boost = _boosts(direction / direction.norm(), torch.tensor([rapidity], dtype=torch.float64))
            elements.append(MatrixElement.of(boost[0].numpy(), "boost", float(rapidity), "rapidity"))
        if self.time:
            return elements
        return elements + [
            MatrixElement.of(reflection, "mirrored rotation", 0.0, "degrees", "mirror")
            for reflection in self.reflections
        ]

    def orbit(self, count: int) -> list[MatrixElement]:
        """Return ``count`` random elements, the same in every run."""
        (matrices,) = self.sample(1.0, count, stream(0, "orbit"))
        return [MatrixElement.of(matrix.double().numpy()) for matrix in matrices]

    def _embedded(self, rotations: Tensor) -> Tensor:
        """Return rotations of space (n, space, space) as matrices (n, d, d) that leave time alone."""
        if not self.time:
            return rotations
        whole = torch.eye(self.dimension, dtype=rotations.dtype).repeat(len(rotations), 1, 1)
        whole[:, self.time :, self.time :] = rotations
        return whole


parse = MatrixGroup.parse


def _rotations(d: int, strength: float, count: int, generator: torch.Generator) -> Tensor:
    """Return rotations (count, d, d), a share of the way to Haar-random ones (Mezzadri 2007 for the draw)."""
    noise = torch.randn(count, d, d, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(noise)
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]
    # of O(d) to SO(d): the last column of those that reflect
    flip = torch.linalg.det(q).sign()
    q = torch.cat([q[:, :, :-1], q[:, :, -1:] * flip[:, None, None]], 2)
    if strength == 1:
        return q
    values, vectors = torch.linalg.eig(q)
    turned = torch.diag_embed(torch.exp(strength * 1j * values.angle()))
    part: Tensor = (vectors @ turned @ torch.linalg.inv(vectors)).real
    return part


def _boosts(directions: Tensor, rapidities: Tensor) -> Tensor:
    """Return the boosts (n, 1 + space, 1 + space) along unit directions (n, space), by rapidities (n,)."""
    count, space = directions.shape
    c, s = rapidities.cosh()[:, None, None], rapidities.sinh()[:, None]
    along = directions[:, :, None] * directions[:, None]
    boosts = torch.eye(1 + space, dtype=directions.dtype).repeat(count, 1, 1)
    boosts[:, :1, :1] = c
    boosts[:, 0, 1:] = boosts[:, 1:, 0] = s * directions
    boosts[:, 1:, 1:] += (c - 1) * along
    return boosts
