"""Signs of life of a training, for whoever listens in its process: a cell may take hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds between two signs.
APART = 2.0


@dataclass(frozen=True)
class Beat:
    """So many steps of a training are done of how many, the last with this loss."""

    step: int
    total: int
    loss: float


_listener: Callable[[Beat], None] | None = None
_last = 0.0


def listen(listener: Callable[[Beat], None] | None) -> None:
    """Have ``listener`` called with a `Beat` every few seconds of every training of this process, or nobody."""
    global _listener
    _listener = listener


def beat(step: int, total: int, loss: Callable[[], float]) -> None:
    """Give a sign of life, unless nobody listens or the last one was just now; ``loss`` may wait for the device."""
    global _last
    if _listener is None or time.monotonic() - _last < APART:
        return
    _last = time.monotonic()
    _listener(Beat(step, total, loss()))
