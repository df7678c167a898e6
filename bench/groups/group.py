"""Elements of O(2) and its closed subgroups, as values that parse from and print to one string."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from bench.errors import UserError

# A rotation by an irrational share of a turn generates a dense subgroup of SO(2), so a linear constraint that holds
# for it holds for every rotation; the golden ratio is the share that stays furthest from every small fraction.
_DENSE_TURN = Fraction((math.sqrt(5) - 1) / 2)


@dataclass(frozen=True, order=True)
class Element:
    """``R(turn) M^mirror``: mirror left-right first, then rotate counterclockwise by ``turn`` of a full circle.

    ``g @ h`` composes (h first), ``~g`` inverts; the fraction makes both exact.

    >>> quarter, mirror = Element.rotation(90), Element(mirror=True)
    >>> str(quarter @ quarter), str(~quarter)
    ('rotate 180', 'rotate 270')
    >>> mirror @ quarter @ mirror == ~quarter
    True
    """

    mirror: bool = False
    turn: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "turn", Fraction(self.turn) % 1)

    @classmethod
    def rotation(cls, degrees: float) -> Element:
        """Return the counterclockwise rotation by ``degrees``."""
        return cls(turn=Fraction(degrees) / 360)

    def __matmul__(self, other: Element) -> Element:
        # M R(a) = R(-a) M
        turn = -other.turn if self.mirror else other.turn
        return Element(self.mirror ^ other.mirror, self.turn + turn)

    def __invert__(self) -> Element:
        return self if self.mirror else Element(turn=-self.turn)

    @property
    def radians(self) -> float:
        return 2 * math.pi * float(self.turn)

    @property
    def matrix(self) -> np.ndarray:
        """The 2 x 2 orthogonal matrix of the action on the plane's (x, y)."""
        c, s = math.cos(self.radians), math.sin(self.radians)
        sign = -1.0 if self.mirror else 1.0
        return np.array([[sign * c, -s], [sign * s, c]])

    @property
    def keeps_grid(self) -> bool:
        """Whether the element permutes the pixels of a square grid (a multiple of 90 degrees, mirrored or not)."""
        return (self.turn * 4).denominator == 1

    @property
    def kind(self) -> str:
        """What moves, in the words of the tables."""
        return "mirrored rotation" if self.mirror else "rotation"

    @property
    def unit(self) -> str:
        """What `magnitude` is counted in."""
        return "degrees"

    @property
    def magnitude(self) -> float:
        """How far the element turns, in degrees from 0 to 360, counterclockwise."""
        return float(self.turn * 360)

    def __str__(self) -> str:
        parts = ["mirror"] if self.mirror else []
        if self.turn or not parts:
            parts.append(f"rotate {float(self.turn * 360):g}")
        return " ".join(parts)


@dataclass(frozen=True)
class Group:
    """A closed subgroup of O(2): ``C8``, ``D4``, ``SO(2)`` or ``O(2)``.

    ``rotations`` counts the rotations, None for all of them; ``mirrors`` says whether reflections belong to it.

    >>> d4 = Group.parse("D4")
    >>> d4.order, str(d4.elements[5])
    (8, 'mirror rotate 90')
    >>> Group.parse("O(2)").contains(d4), Element.rotation(45) in d4
    (True, False)
    >>> str(Group.parse("C8").on_grid)
    'C4'
    """

    rotations: int | None
    mirrors: bool = False

    @classmethod
    def parse(cls, text: str) -> Group:
        """Return the group of a name such as ``C8``, ``D4``, ``SO(2)``, ``O(2)``; raise UserError for another text."""
        if text in ("SO(2)", "O(2)"):
            return cls(None, mirrors=text == "O(2)")
        match = re.fullmatch(r"([CD])([1-9][0-9]{0,2})", text)
        if not match:
            raise UserError(f"unknown group '{text}'; known: C1, C2, ..., C999, D1, D2, ..., D999, SO(2), O(2)")
        return cls(int(match[2]), mirrors=match[1] == "D")

    def __str__(self) -> str:
        if self.rotations is None:
            return "O(2)" if self.mirrors else "SO(2)"
        return f"{'D' if self.mirrors else 'C'}{self.rotations}"

    @property
    def is_finite(self) -> bool:
        return self.rotations is not None

    @property
    def order(self) -> int:
        """The number of elements; ValueError for a continuous group."""
        if self.rotations is None:
            raise ValueError(f"{self} has infinitely many elements")
        return self.rotations * (2 if self.mirrors else 1)

    @property
    def elements(self) -> tuple[Element, ...]:
        """Every element of a finite group: rotations by growing angle, then the mirrored ones in the same order."""
        n = self.order // (2 if self.mirrors else 1)
        flips = (False, True) if self.mirrors else (False,)
        return tuple(Element(mirror, Fraction(k, n)) for mirror in flips for k in range(n))

    @property
    def generators(self) -> tuple[Element, ...]:
        """Elements that generate the group (topologically, where it is continuous)."""
        turn = _DENSE_TURN if self.rotations is None else Fraction(1, self.rotations)
        return (Element(turn=turn), Element(mirror=True)) if self.mirrors else (Element(turn=turn),)

    def __contains__(self, g: Element) -> bool:
        if g.mirror and not self.mirrors:
            return False
        return self.rotations is None or (g.turn * self.rotations).denominator == 1

    def contains(self, other: Group) -> bool:
        """Whether ``other`` is a subgroup (about the same mirror axis)."""
        if other.mirrors and not self.mirrors:
            return False
        if self.rotations is None:
            return True
        return other.rotations is not None and self.rotations % other.rotations == 0

    @property
    def keeps_grid(self) -> bool:
        """Whether every element permutes the pixels of a square grid."""
        return self.rotations in (1, 2, 4)

    @property
    def is_trivial(self) -> bool:
        """Whether the identity is the only element."""
        return self.rotations == 1 and not self.mirrors

    @property
    def on_grid(self) -> Group:
        """The subgroup of the elements that permute the pixels of a square grid: quarter turns, and mirrors if any."""
        return Group(4 if self.rotations is None else math.gcd(self.rotations, 4), self.mirrors)

    def sample(self, strength: float, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``count`` elements with a strength s in [0, 1]: (turns, mirrors), each (count,).

        The rotation angle is uniform in +-180 s degrees (for C_N and D_N among the elements in that range), the
        reflection has probability s / 2. Strength 1 is the Haar measure, strength 0 the identity.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength} is outside [0, 1]")
        device = generator.device
        if self.rotations is None:
            turns = (torch.rand(count, generator=generator, device=device) - 0.5) * strength
        else:
            # the tolerance keeps a strength of 2/49 of C49 at one step, whatever the product rounds to
            reach = math.floor(self.rotations * strength / 2 + 1e-9)
            low, high = (0, self.rotations) if 2 * reach >= self.rotations else (-reach, reach + 1)
            turns = torch.randint(low, high, (count,), generator=generator, device=device) / self.rotations
        flips = torch.rand(count, generator=generator, device=device) < strength / 2
        return turns, flips if self.mirrors else torch.zeros_like(flips)

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> list[Element]:
        """Return the rotations by ``magnitudes["rotation"]`` in degrees, and the mirror where there are reflections.

        Rotations that the group does not have are among them: what a network of C4 does at 45 degrees is asked too.
        """
        turns = [Element.rotation(angle) for angle in magnitudes["rotation"]]
        return [*turns, Element(mirror=True)] if self.mirrors else turns

    def orbit(self, count: int) -> list[Element]:
        """Return the elements of the largest subgroup with no more than ``count`` rotations, the mirrored ones last."""
        n = self.rotations
        turns = list(Group(count if n is None else max(d for d in range(1, count + 1) if n % d == 0)).elements)
        return turns + [turn @ Element(mirror=True) for turn in turns] if self.mirrors else turns
