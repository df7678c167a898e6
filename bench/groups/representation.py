"""Real orthogonal representations: irreps, and everything induced from them.

The regular and the quotient representations are induced from a trivial one, so one construction serves all three
(Weiler & Cesa 2019, section 2 and appendix B). Names are unique within a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

import numpy as np

from bench.errors import Impossible
from bench.groups.group import Element, Group


@dataclass(frozen=True)
class Representation:
    """A homomorphism from ``group`` to orthogonal ``size`` x ``size`` matrices.

    ``max_frequency`` bounds the angular frequencies of its irreps; ``permutes`` says that its matrices are
    permutations, so that any pointwise nonlinearity commutes with it.
    """

    group: Group
    name: str
    size: int
    max_frequency: int
    permutes: bool
    _matrix: Callable[[Element], np.ndarray] = field(compare=False, repr=False)

    def __call__(self, g: Element) -> np.ndarray:
        """Return the matrix of ``g`` (size, size), float64; ValueError if g is not of the group."""
        if g not in self.group:
            raise ValueError(f"{g} is not an element of {self.group}")
        return self._matrix(g)

    def __str__(self) -> str:
        return f"{self.name} of {self.group}"


def irrep(group: Group, frequency: int, sign: int = 1) -> Representation:
    """Return the real irrep of a frequency; ``sign=-1`` is the one-dimensional irrep that the mirror negates.

    Of size 2 (rotation by frequency times the angle, mirror as on the plane: frequency 1 is the plane itself), but of
    size 1 at frequency 0 and at N/2. Raises Impossible where the group has no such irrep.
    """
    n = group.rotations
    one_dimensional = frequency == 0 or (n is not None and 2 * frequency == n)
    if frequency < 0 or (n is not None and 2 * frequency > n):
        raise Impossible(f"{group} has no irrep of frequency {frequency}; its frequencies are 0 to {n and n // 2}")
    if sign not in (1, -1) or (sign == -1 and not (group.mirrors and one_dimensional)):
        raise Impossible(f"{group} has no irrep of frequency {frequency} and sign {sign}")
    name = f"irrep {frequency}" + ("-" if sign == -1 else "")
    if not one_dimensional:
        return Representation(group, name, 2, frequency, False, lambda g: Element(g.mirror, g.turn * frequency).matrix)

    def character(g: Element) -> np.ndarray:
        even = (g.turn * frequency) % 1 == 0
        return np.array([[(1.0 if even else -1.0) * (sign if g.mirror else 1)]])

    is_trivial = frequency == 0 and sign == 1
    return Representation(group, name, 1, frequency, is_trivial, character)


def trivial(group: Group) -> Representation:
    """Return the irrep that sends every element to 1: a scalar field."""
    return irrep(group, 0)


def irreps(group: Group, max_frequency: int) -> list[Representation]:
    """Return every irrep up to a frequency (and up to N/2), by frequency, the mirror-even one first."""
    n = group.rotations
    top = max_frequency if n is None else min(max_frequency, n // 2)
    representations = []
    for frequency in range(top + 1):
        representations.append(irrep(group, frequency))
        if group.mirrors and representations[-1].size == 1:
            representations.append(irrep(group, frequency, -1))
    return representations


def induced(group: Group, subgroup: Group, rho: Representation) -> Representation:
    """Return the representation of ``group`` induced from ``rho`` of a subgroup of finite index.

    With coset representatives r_j, block (j, i) of the matrix of g is rho(h) where g r_i = r_j h.
    """
    cosets = _cosets(group, subgroup)
    d, permutes = rho.size, rho.permutes

    def matrix(g: Element) -> np.ndarray:
        out = np.zeros((len(cosets), d, len(cosets), d))
        for i, r in enumerate(cosets):
            moved = g @ r
            j = next(j for j, s in enumerate(cosets) if (~s @ moved) in subgroup)
            out[j, :, i, :] = rho(~cosets[j] @ moved)
        return out.reshape(len(cosets) * d, len(cosets) * d)

    top = group.rotations // 2 if group.rotations is not None else rho.max_frequency
    name = f"induced {subgroup} {rho.name}"
    return Representation(group, name, len(cosets) * d, top, permutes, lru_cache(maxsize=256)(matrix))


def quotient(group: Group, subgroup: Group) -> Representation:
    """Return the permutation of the cosets of ``subgroup``, which leaves fields that the subgroup fixes."""
    rho = induced(group, subgroup, trivial(subgroup))
    return Representation(group, f"quotient {subgroup}", rho.size, rho.max_frequency, True, rho._matrix)


def regular(group: Group) -> Representation:
    """Return the permutation of the group's own elements, in the order of ``group.elements``."""
    if not group.is_finite:
        raise Impossible(f"{group} has no regular representation of finite size; use irreps")
    rho = quotient(group, Group(1))
    return Representation(group, "regular", rho.size, rho.max_frequency, True, rho._matrix)


def direct_sum(summands: Sequence[Representation]) -> Representation:
    """Return the block-diagonal sum of representations of one group."""
    group = summands[0].group
    size = sum(rho.size for rho in summands)

    def matrix(g: Element) -> np.ndarray:
        out = np.zeros((size, size))
        start = 0
        for rho in summands:
            out[start : start + rho.size, start : start + rho.size] = rho(g)
            start += rho.size
        return out

    name = " + ".join(rho.name for rho in summands)
    top = max(rho.max_frequency for rho in summands)
    return Representation(group, name, size, top, all(rho.permutes for rho in summands), matrix)


def _cosets(group: Group, subgroup: Group) -> list[Element]:
    """Return representatives of the left cosets, the least in the order of the group's elements."""
    if not group.contains(subgroup):
        raise Impossible(f"{subgroup} is not a subgroup of {group}")
    if group.rotations is None or subgroup.rotations is None:
        if group.rotations != subgroup.rotations:
            raise Impossible(f"{subgroup} has infinitely many cosets in {group}; use a subgroup of finite index")
        turns = 1
    else:
        turns = group.rotations // subgroup.rotations
    n = group.rotations or 1
    flips = (False, True) if group.mirrors and not subgroup.mirrors else (False,)
    return [Element(mirror, Fraction(k, n)) for mirror in flips for k in range(turns)]
