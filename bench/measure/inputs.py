"""What a registered measurement is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from bench.groups import Group

Stage = Literal["init", "trained"]


@dataclass(frozen=True)
class Inputs:
    """Test inputs on the network's device, as the network takes them.

    ``upright`` are images (N, C, S, S) and labels (N,) as they are; ``transformed`` the same, each moved by a random
    element of ``group``, once or more. ``stage`` is ``init`` before training and ``trained`` after it.
    """

    stage: Stage
    upright: tuple[Tensor, Tensor]
    transformed: tuple[Tensor, Tensor]
    group: Group


@dataclass(frozen=True)
class Measured:
    """Columns for the cell's row of ``runs``, and rows for the table ``equivariance``."""

    run: Mapping[str, float] = field(default_factory=dict)
    rows: Sequence[dict[str, Any]] = ()
