"""What every family builds: a chain of named stages that says how each stage's output transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from bench.groups import Element, MovingGroup

# (features, g) -> features moved by g; ValueError where the features have no action of g
Law = Callable[[Tensor, Element], Tensor]


@dataclass(frozen=True)
class Shape:
    """What a network is built for: square images (channels, size, size) in ``classes`` classes."""

    channels: int
    size: int
    classes: int


def invariant(features: Tensor, g: Element) -> Tensor:
    """The law of what does not change: logits, invariant vectors."""
    return features


def channels_last(images: Tensor) -> Tensor:
    """Return images (B, C, S, S) in the layout that convolutions are fastest in.

    Of one channel both layouts are the same numbers in the same order, and only the strides tell them apart.
    """
    rows = images.reshape(len(images), *images.shape[2:], 1) if images.shape[1] == 1 else images.movedim(1, -1)
    return rows.contiguous().movedim(-1, 1)


class Network(nn.Module):
    """A chain of stages from images (B, C, S, S) to logits (B, classes).

    ``group`` is the symmetry that the architecture promises (C1 for a plain network); ``laws`` names, for every stage,
    how its output transforms when the input is moved.
    """

    def __init__(self, group: MovingGroup, stages: Mapping[str, tuple[nn.Module, Law]]) -> None:
        super().__init__()
        self.group = group
        self.stages = nn.ModuleDict({name: module for name, (module, _) in stages.items()})
        self.laws: dict[str, Law] = {name: law for name, (_, law) in stages.items()}

    def forward(self, images: Tensor) -> Tensor:
        features = channels_last(images)
        for stage in self.stages.values():
            features = stage(features)
        return features

    def trace(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield every stage's name and output, in order; the last one is the logits."""
        features = channels_last(images)
        for name, stage in self.stages.items():
            features = stage(features)
            yield name, features
