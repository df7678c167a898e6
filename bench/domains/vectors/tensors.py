"""Sums of tensor powers: how a list of numbers transforms under a group of matrices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.domains.vectors.groups import MatrixGroup
from bench.errors import UserError

_NAMES = {"S": 0, "V": 1}


@dataclass(frozen=True)
class Tensors:
    """A direct sum of tensor powers of the vector representation: pairs of a rank and how many tensors of it.

    Numbers lie tensor by tensor, in the order of the pairs; a tensor of rank r has d^r numbers, its last index fastest.

    >>> inertia = Tensors.parse(MatrixGroup.parse("O(3)"), "5S + 5V")
    >>> inertia.size, inertia.widths, str(inertia)
    (20, [5, 15], 'O(3): 5S + 5V')
    >>> Tensors.parse(MatrixGroup.parse("O(3)"), "T2").size
    9
    """

    group: MatrixGroup
    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, group: MatrixGroup, text: str) -> Tensors:
        """Return the tensors of a text such as ``5S + 5V`` or ``2T2``; UserError for another text."""
        pairs = []
        for part in text.split("+"):
            match = re.fullmatch(r"\s*(\d*)\s*(?:(S|V)|T([0-4]))\s*", part)
            if not match or match[1] == "0":
                raise UserError(
                    f"'{text}' is no sum of tensors; accepted are scalars S, vectors V and tensors T0 to T4, each with "
                    "a number before it, as in 5S + 5V or T2"
                )
            pairs.append((_NAMES[match[2]] if match[2] else int(match[3]), int(match[1] or 1)))
        return cls(group, tuple(pairs))

    @property
    def widths(self) -> list[int]:
        """The numbers of each pair, in order."""
        return [count * self.group.dimension**rank for rank, count in self.pairs]

    @property
    def size(self) -> int:
        return sum(self.widths)

    @property
    def text(self) -> str:
        """The tensors without their group."""
        names = {0: "S", 1: "V"}
        return " + ".join(f"{count if count > 1 else ''}{names.get(rank, f'T{rank}')}" for rank, count in self.pairs)

    def __str__(self) -> str:
        return f"{self.group}: {self.text}"

    def count(self, rank: int) -> int:
        """Return how many tensors of a rank there are."""
        return sum(count for each, count in self.pairs if each == rank)

    def parts(self, values: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield every pair's rank and its tensors apart: (B, count, d, ..., d)."""
        for (rank, count), part in zip(self.pairs, torch.split(values, self.widths, dim=-1), strict=True):
            yield rank, part.reshape(len(values), count, *[self.group.dimension] * rank)

    def moved(self, values: Tensor, matrices: Tensor) -> Tensor:
        """Return values (B, size), each moved by its own matrix (B, d, d)."""
        parts = []
        for rank, tensors in self.parts(values):
            for axis in range(2, 2 + rank):
                tensors = torch.einsum("bij,bcj...->bci...", matrices, tensors.movedim(axis, 2)).movedim(2, axis)
            parts.append(tensors.flatten(1))
        return torch.cat(parts, 1)

    def matrix(self, g: np.ndarray) -> np.ndarray:
        """Return rho(g) (size, size) of a matrix (d, d), which may be of the Lie algebra's exponential too."""
        blocks = [np.eye(1)] if not self.pairs else []
        for rank, count in self.pairs:
            power = np.eye(1)
            for _ in range(rank):
                power = np.kron(power, g)
            blocks += [power] * count
        whole = np.zeros((self.size, self.size))
        start = 0
        for block in blocks:
            whole[start : start + len(block), start : start + len(block)] = block
            start += len(block)
        return whole

    def moved_by(self, group: MatrixGroup) -> Tensors:
        """Return itself where a group's matrices act on it; UserError where they do not."""
        if (group.space, group.time) != (self.group.space, self.group.time):
            raise UserError(f"{group} does not act on {self}; accepted are groups of the same dimensions and metric")
        return self
