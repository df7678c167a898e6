"""Channels of blocks at a width, for families that can be widened one block at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from bench.registry import Options

Chosen = TypeVar("Chosen", bound=Options)


def counts(channels: Sequence[float], width: float) -> list[int]:
    """Return how many channels each block has at a width, rounded one block after the other as it grows."""
    depth = len(channels)
    return [max(1, math.floor(width * share + (i + 0.5) / depth)) for i, share in enumerate(channels)]


def with_counts(options: Chosen, fields: Sequence[int], width: float) -> Chosen:
    """Return the options with which each block has so many channels at a width."""
    return options.model_copy(update={"channels": tuple(count / width for count in fields)})
