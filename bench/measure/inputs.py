"""What a registered measurement is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from bench.geometry import Law
from bench.groups.protocol import AnyGroup
from bench.measure.batches import answers
from bench.tasks import CLASSIFICATION, Task

Stage = Literal["init", "trained"]


@dataclass(frozen=True)
class Inputs:
    """Test inputs on the network's device, as the network takes them.

    ``upright`` are inputs (N, channels, *points) and targets (N, ...) as they are; ``transformed`` the same, each moved
    by a random element of ``group``, once or more. ``stage`` is ``init`` before training and ``trained`` after it.
    ``task`` is what the network is asked; ``otherwise`` are laws of the inputs that resample in other ways, by name.
    ``scored`` are the network's answers to them, by name, where it was scored already.
    """

    stage: Stage
    upright: tuple[Tensor, Tensor]
    transformed: tuple[Tensor, Tensor]
    group: AnyGroup
    task: Task = CLASSIFICATION
    otherwise: Mapping[str, Law] = field(default_factory=dict)
    scored: Mapping[str, Tensor] = field(default_factory=dict)

    def answers(self, network: nn.Module, which: Literal["upright", "transformed"]) -> Tensor:
        """Return the answers (N, ...) of the network in evaluation to inputs by name, which are not computed twice."""
        known = self.scored.get(which)
        return answers(network, getattr(self, which)[0]) if known is None else known


@dataclass(frozen=True)
class Measured:
    """Columns for the cell's row of ``runs``, and rows for the table ``equivariance``."""

    run: Mapping[str, float | str] = field(default_factory=dict)
    rows: Sequence[dict[str, Any]] = ()
