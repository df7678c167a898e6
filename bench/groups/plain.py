"""The group of the identity alone: what a plain network promises, in every domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Trivial:
    """The identity alone, drawn without a number.

    >>> str(Trivial())
    'C1'
    """

    keeps_grid = True
    is_trivial = True

    @property
    def on_grid(self) -> Trivial:
        return self

    def __str__(self) -> str:
        return "C1"

    def sample(self, strength: float, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        return ()

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> list[object]:
        return []

    def orbit(self, count: int) -> list[object]:
        return []
