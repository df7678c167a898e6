"""What every group and every element of one can do, whatever it acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

Draws = tuple[Tensor, ...]
"""Elements that were drawn, as tensors whose first dimension is the example's."""


class AnyElement(Protocol):
    """An element: a frozen value; ``g @ h`` composes (h first), ``~g`` inverts, its text is its name."""

    @property
    def kind(self) -> str:
        """What it does, in the words of the tables: ``rotation``, ``mirrored rotation``, ``boost``."""

    @property
    def magnitude(self) -> float:
        """How far it moves, in its `unit`."""

    @property
    def unit(self) -> str:
        """What its magnitude is counted in: ``degrees``, ``rapidity``."""

    def __invert__(self) -> Any: ...


class AnyGroup(Protocol):
    """A group: a frozen value, whose text is what its domain reads.

    Strength is each group's own contract: 0 is the identity, 1 the measure of the transformed test.
    """

    @property
    def on_grid(self) -> AnyGroup:
        """The subgroup whose elements take the points of an input to one another, so that nothing is resampled."""

    @property
    def keeps_grid(self) -> bool:
        """Whether that is all of it."""

    @property
    def is_trivial(self) -> bool:
        """Whether the identity is its only element."""

    def sample(self, strength: float, count: int, generator: torch.Generator) -> Draws:
        """Draw ``count`` elements with a strength in [0, 1]."""

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> Sequence[Any]:
        """Return the elements at which equivariance is measured, for the magnitudes asked of every kind."""

    def orbit(self, count: int) -> Sequence[Any]:
        """Return elements that are spread evenly over it, no more than ``count`` of one kind."""
