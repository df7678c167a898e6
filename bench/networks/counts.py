"""Channels of blocks at a width, for families that can be widened one block at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from bench.registry import Options

Chosen = TypeVar("Chosen", bound=Options)


def counts(channels: Sequence[float], width: float) -> list[int]:
    """Return how many fields each block has at a width, of ``channels`` in units of the width.

    The rounding is staggered by block, so that a growing width adds one field at a time and a parameter budget can be
    met closely (see `bench.networks.matching`).
    """
    depth = len(channels)
    return [max(1, math.floor(width * share + (i + 0.5) / depth)) for i, share in enumerate(channels)]


def with_counts(options: Chosen, fields: Sequence[int], width: float) -> Chosen:
    """Return the options whose ``channels`` give each block so many fields at a width."""
    return options.model_copy(update={"channels": tuple(count / width for count in fields)})
