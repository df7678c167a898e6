"""Which test images a network got right, as text that a table can hold: eight images a byte, in base 64."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np


def pack(right: Sequence[bool] | np.ndarray) -> str:
    """Return the text of right (true) and wrong answers (N,).

    >>> pack([True, False, True, True]), unpack("sA==", 4).tolist()
    ('sA==', [True, False, True, True])
    """
    return base64.b64encode(np.packbits(np.asarray(right, bool)).tobytes()).decode()


def unpack(text: str, count: int) -> np.ndarray:
    """Return the ``count`` answers (N,) of a text as booleans; ValueError if it does not hold that many."""
    held = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8))
    if not count <= len(held) < count + 8:
        raise ValueError(f"a text of {len(held)} answers was read for {count}")
    return held[:count].astype(bool)
