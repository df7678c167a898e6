"""Augmentation: a random group element for every example, which moves its input and its target."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.geometry.law import INVARIANT, Motion
from bench.groups.protocol import AnyGroup, Draws
from bench.seeds import generator

#: Examples that are moved at once, where a whole data set is.
AT_ONCE = 1000


@dataclass(frozen=True)
class Augmentation:
    """Random elements of ``group`` with a ``strength`` in [0, 1]; strength 0 leaves examples still."""

    group: AnyGroup
    strength: float
    inputs: Motion
    targets: Motion = INVARIANT

    def __call__(self, values: Tensor, seed: int, stream: str, step: int = 0) -> Tensor:
        """Return the inputs, each moved by its own element, a function of (seed, stream, step) alone."""
        return self._moved(self.inputs, values, seed, stream, step)

    def both(self, inputs: Tensor, targets: Tensor, seed: int, stream: str, step: int = 0) -> tuple[Tensor, Tensor]:
        """Return the inputs and the targets, each pair moved by its own element."""
        return self(inputs, seed, stream, step), self._moved(self.targets, targets, seed, stream, step)

    def still(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs and the targets that are not moved, as moved ones are seen."""
        return self.inputs.still(inputs), self.targets.still(targets)

    def draw(self, count: int, seed: int, stream: str, step: int = 0) -> Draws:
        """Return the elements for ``count`` examples; drawn on the CPU, they are the same for every device."""
        return self.group.sample(self.strength, count, generator(seed, stream, step))

    def prepare(self, inputs: Tensor) -> Tensor:
        """Return what `move` takes in place of the inputs."""
        return self.inputs.prepare(inputs)

    def move(self, prepared: Tensor, targets: Tensor, *draws: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs that were prepared, and their targets, moved by elements that were drawn."""
        return self.inputs.move(prepared, draws), self.targets.move(self.targets.prepare(targets), draws)

    def of_strength(self, strength: float) -> Augmentation:
        """Return the same augmentation, weaker or stronger."""
        return replace(self, strength=strength)

    def _moved(self, motion: Motion, values: Tensor, seed: int, stream: str, step: int) -> Tensor:
        if self.strength == 0:
            return motion.still(values)
        drawn = [each.to(values.device) for each in self.draw(len(values), seed, stream, step)]
        # in parts: a sample of the spline holds some thirty numbers for every pixel
        parts = zip(*(each.split(AT_ONCE) for each in (motion.prepare(values), *drawn)), strict=True)
        return torch.cat([motion.move(part, tuple(of_part)) for part, *of_part in parts])


def expand(
    inputs: Tensor, targets: Tensor, augmentation: Augmentation, copies: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return ``copies`` moved versions of every example, made once before training (as in Gerken et al. 2022)."""
    moved = [augmentation.both(inputs, targets, seed, "augmentation", copy) for copy in range(copies)]
    return torch.cat([each for each, _ in moved]), torch.cat([each for _, each in moved])
