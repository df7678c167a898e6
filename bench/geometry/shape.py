"""What a network is built for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shape:
    """One input, a tensor (channels, *points), and what is asked about it.

    ``points`` are those of the domain's base space: (S, S) of the plane, () of a tuple of vectors. ``fields`` is how an
    input's channels transform and ``target`` how a target does, in the words of the domain; ``task`` is a name of
    `bench.tasks.TASKS`, and ``outputs`` how many numbers a network gives for an input, or for each of its points.
    ``source`` are the points of what examples are stored as, where the domain's motion makes inputs of them (a picture
    that is projected onto the sphere at its final place), () where inputs are stored themselves.

    >>> Shape("plane", 3, (28, 28), 10).example(2).shape
    torch.Size([2, 3, 28, 28])
    """

    domain: str
    channels: int
    points: tuple[int, ...]
    outputs: int
    task: str = "classification"
    fields: str = "scalars"
    target: str = "invariant"
    source: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Points along an axis of a base space that has as many along every one."""
        return self.points[-1]

    @property
    def stored(self) -> tuple[int, ...]:
        """The shape of what is stored for an example: (channels, *points)."""
        return (self.channels, *(self.source or self.points))

    @property
    def classes(self) -> int:
        """``outputs`` by its name in 0.1."""
        return self.outputs

    def example(self, count: int, device: torch.device | str = "cpu") -> Tensor:
        """Return ``count`` inputs of zeros."""
        return torch.zeros(count, self.channels, *self.points, device=device)
