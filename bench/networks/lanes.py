"""Networks of one size whose channels are multiples of what hardware multiplies at once.

Matching by single fields lands on any number of channels. The size of a chain of blocks is bilinear in the counts of
neighbours, for parameters and for FLOPs: a dozen networks tell it, and then all counts around can be looked through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

Counts = tuple[int, ...]


def preferred(
    counts: Counts, channels: Sequence[int], lanes: int, target: int, tolerance: float, size: Callable[[Counts], int]
) -> Counts:
    """Return counts of fields, near the given ones and of the target's size, with the most blocks in whole lanes.

    ``channels`` are those of one field of each block, ``size`` the size of a network of counts. Of several, the counts
    whose shape is most like the given one. The given counts where none has more blocks in lanes.
    """
    steps = [lanes // math.gcd(lanes, each) for each in channels]
    candidates = np.array(list(product(*(_near(count, step) for count, step in zip(counts, steps, strict=True)))))
    whole = (candidates % steps == 0).sum(1)
    shape = np.abs(np.log(candidates / np.array(counts))).sum(1)
    predicted = _bilinear(counts, size)(candidates)
    fits = np.abs(predicted / target - 1) <= tolerance
    for row in np.lexsort((shape, -whole)):
        if whole[row] <= sum(count % step == 0 for count, step in zip(counts, steps, strict=True)):
            break
        candidate = tuple(int(count) for count in candidates[row])
        # what the rule of sizes does not know, such as another kind of block, the network itself tells
        if fits[row] and abs(size(candidate) / target - 1) <= tolerance:
            return candidate
    return counts


def _near(count: int, step: int) -> list[int]:
    """Return a count, its neighbours, and the multiples of a step between half of it and twice as many."""
    multiples = range(step, 2 * count + step, step)
    return sorted({each for each in (count - 1, count, count + 1, *multiples) if count / 2 <= each <= 2 * count})


def _bilinear(counts: Counts, size: Callable[[Counts], int]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the size of many counts (n, blocks), from differences at the given ones."""

    def grown(*blocks: int) -> int:
        return size(tuple(count + blocks.count(block) for block, count in enumerate(counts)))

    base, blocks = grown(), range(len(counts))
    slopes = np.array([grown(block) - base for block in blocks])
    pairs = [(block, block + 1) for block in blocks[:-1]]
    bends = np.array([grown(*pair) - base - slopes[list(pair)].sum() for pair in pairs])

    def of(candidates: np.ndarray) -> np.ndarray:
        change = candidates - np.array(counts)
        sizes: np.ndarray = base + change @ slopes + (change[:, :-1] * change[:, 1:]) @ bends
        return sizes

    return of
