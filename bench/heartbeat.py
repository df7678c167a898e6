"""Signs of life of a cell, for whoever listens in its process: a cell may take hours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

#: Seconds between two signs.
APART = 2.0


@dataclass(frozen=True)
class Beat:
    """So much is ``done`` of what a cell is ``doing``: steps of a training, the last with this loss; else examples.

    ``total`` is how many there are, None where nobody knows.
    """

    doing: str
    done: int
    total: int | None
    loss: float | None = None


TRAINING = "training"

_listener: Callable[[Beat], None] | None = None
_last = 0.0


def listen(listener: Callable[[Beat], None] | None) -> None:
    """Have ``listener`` called with a `Beat` every few seconds of every cell of this process, or nobody."""
    global _listener
    _listener = listener


def beat(doing: str, done: int, total: int | None, loss: Callable[[], float] | None = None) -> None:
    """Give a sign of life, unless nobody listens or the last one was just now; ``loss`` may wait for the device."""
    global _last
    if _listener is None or time.monotonic() - _last < APART:
        return
    _last = time.monotonic()
    _listener(Beat(doing, done, total, loss() if loss else None))


@contextmanager
def passes(network: nn.Module, doing: str, total: int | None = None) -> Iterator[None]:
    """Have the passes of a network give signs of life, which say of how many examples they were."""
    done = 0

    def passed(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        nonlocal done
        done += len(inputs[0])  # type: ignore[arg-type]
        beat(doing, done, total)

    hook = network.register_forward_hook(passed)
    try:
        yield
    finally:
        hook.remove()
