"""How something transforms, as a value: what a law of a stage can do, and how data are moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.groups.protocol import AnyElement, Draws


class NoActionError(ValueError):
    """An element does not act on something that transforms by a law."""


class Law(Protocol):
    """How the outputs of a stage transform: (T_g f)(x) = rho(g) f(g^-1 x)."""

    def act(self, features: Tensor, g: Any) -> Tensor:
        """Return features (B, ...) moved by one element; `NoActionError` where it does not act on them."""

    def weights(self, features: Tensor) -> Tensor | None:
        """Return what each point counts in a norm, 0 where it may be moved out, as a factor of features; None is 1."""

    def derivative(self, features: Tensor, flow: str) -> Tensor | None:
        """Return the derivative of the action along a flow of the domain at 0; None where it does not act."""


class Motion(Protocol):
    """How examples are moved at random: each by an element of its own, without a step that waits for the device."""

    def still(self, values: Tensor) -> Tensor:
        """Return examples that are not moved as moved ones are seen, cut to the same support."""

    def prepare(self, values: Tensor) -> Tensor:
        """Return what `move` takes in place of examples: done once for a whole data set."""

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        """Return examples that were prepared, each moved by its own drawn element."""

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """Return examples that are not moved, and suffer what resampling costs a moved one."""


class Base(Protocol):
    """What training varies beside the group, with targets that stay: anew in every step, and in no test."""

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return what `apply` needs for ``count`` inputs: (count, ...)."""

    def apply(self, inputs: Tensor, drawn: Tensor) -> Tensor:
        """Return the inputs, each varied as was drawn, without a step that waits for the device."""


@dataclass(frozen=True)
class Invariant:
    """What does not change: logits, classes, invariant numbers."""

    def act(self, features: Tensor, g: AnyElement) -> Tensor:
        return features

    def weights(self, features: Tensor) -> None:
        return None

    def derivative(self, features: Tensor, flow: str) -> Tensor:
        return torch.zeros_like(features)

    def still(self, values: Tensor) -> Tensor:
        return values

    def prepare(self, values: Tensor) -> Tensor:
        return values

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        return prepared

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        return values


INVARIANT = Invariant()


@dataclass(frozen=True)
class Unknown:
    """The law of features of which nobody says how they transform: there is nothing to measure."""

    def act(self, features: Tensor, g: AnyElement) -> Tensor:
        raise NoActionError(f"how these features transform under {g} is not known")

    def weights(self, features: Tensor) -> None:
        return None

    def derivative(self, features: Tensor, flow: str) -> None:
        return None


UNKNOWN = Unknown()


def on_support(values: Tensor, law: Law) -> Tensor:
    """Return values with zeros where a moved one may not be seen: where the law weighs nothing."""
    weights = law.weights(values)
    return values if weights is None else values * (weights != 0)
