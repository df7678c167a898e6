"""Networks of a wanted size: widening a family to a budget of parameters or FLOPs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.cell import WIDEST, Match
from bench.errors import Impossible
from bench.geometry import Shape
from bench.networks.lanes import Counts, preferred
from bench.networks.network import Network
from bench.networks.size import count_flops, count_parameters
from bench.registry import Entry, Options

DEFAULT_WIDTH = 8.0
TOLERANCE = 0.03
_LARGEST = 2**25
"""Numbers in one tensor of a network: a width that asks for more is a slip, and would use up the memory."""


@dataclass(frozen=True)
class Architecture:
    """A network's options and width and what follows from them; ``group`` is the symmetry that it promises."""

    options: Options
    width: float
    parameters: int
    flops: int
    group: str


@runtime_checkable
class Blocks(Protocol):
    """Options of a family whose networks are blocks of so many fields, which can be widened one by one.

    Its networks name the block i, counted from 1, ``block<i>``.
    """

    def counts(self, width: float) -> list[int]:
        """Return how many fields each block has at a width."""

    def with_counts(self, counts: Sequence[int], width: float) -> Options:
        """Return the options with which each block has so many fields at a width."""


@lru_cache(maxsize=4096)
def resolve(entry: Entry, options: Options, shape: Shape, width: float | None, match: Match | None) -> Architecture:
    """Return the architecture of a given width, or the one that meets a budget within 3 %.

    Impossible, with the reason, where the family cannot be built so or no width reaches the budget.
    """
    if match is not None:
        options, width = _widened(entry, options, shape, match)
    width = width or DEFAULT_WIDTH
    network = build(entry, options, shape, width, seed=0)
    return Architecture(options, width, count_parameters(network), count_flops(network, shape), str(network.group))


@dataclass(frozen=True)
class _Candidate:
    options: Options
    width: float
    size: int


def _widened(entry: Entry, options: Options, shape: Shape, match: Match) -> tuple[Options, float]:
    """Return the options and the width that come closest to a budget; Impossible beyond the tolerance."""

    def at(width: float, options: Options = options) -> _Candidate:
        network = build(entry, options, shape, width, seed=0)
        size = count_parameters(network) if match.by == "parameters" else count_flops(network, shape)
        return _Candidate(options, width, size)

    def distance(candidate: _Candidate) -> float:
        return abs(candidate.size - match.target) / match.target

    low, high = at(0.01), at(1.0)
    while high.size < match.target and high.width < WIDEST:
        low, high = high, at(high.width * 2)
    while low.size < match.target < high.size and high.width - low.width > 0.01 * high.width:
        middle = at((low.width + high.width) / 2)
        low, high = (middle, high) if middle.size < match.target else (low, middle)
    best = min(low, high, key=distance)
    if distance(best) > TOLERANCE and low.size < match.target < high.size:
        # between two widths of a small network lies a gap: widen single blocks by a field while the budget allows
        while isinstance(low.options, Blocks):
            wider = [at(low.width, changed) for changed in _one_field_wider(low.options, low.width)]
            fitting = [candidate for candidate in wider if low.size < candidate.size <= match.target * (1 + TOLERANCE)]
            if not fitting:
                break
            low = min(fitting, key=distance)
            best = min(best, low, key=distance)
            if distance(best) <= TOLERANCE:
                break
    if distance(best) > TOLERANCE:
        raise Impossible(
            f"no width of {entry.name} comes within {TOLERANCE:.0%} of {match.target:,} {match.by}; "
            f"the nearest has {best.size:,}"
        )
    if match.lanes > 1 and isinstance(best.options, Blocks):
        return _in_lanes(entry, best.options, shape, best.width, match, lambda changed: at(best.width, changed).size)
    return best.options, best.width


def _in_lanes(
    entry: Entry, options: Blocks, shape: Shape, width: float, match: Match, size: Callable[[Options], int]
) -> tuple[Options, float]:
    """Return options of the same size whose blocks have channels in whole lanes, as many blocks as there can be."""
    now = tuple(options.counts(width))
    assert isinstance(options, Options)
    network = build(entry, options, shape, width, seed=0).eval()
    with torch.no_grad():
        outputs = dict(network.trace(shape.example(1)))
    channels = [outputs[f"block{i}"].shape[1] // count for i, count in enumerate(now, start=1)]

    def size_of(fields: Counts) -> int:
        return size(options.with_counts(fields, width))

    better = preferred(now, channels, match.lanes, match.target, TOLERANCE, size_of)
    return (options if better == now else options.with_counts(better, width)), width


def _one_field_wider(options: Blocks, width: float) -> list[Options]:
    """Return the options with one more field in the first block, in the second, and so on."""
    now = options.counts(width)
    wider = [[count + (i == block) for i, count in enumerate(now)] for block in range(len(now))]
    return [options.with_counts(row, width) for row in wider]


def build(entry: Entry, options: Options, shape: Shape, width: float, seed: int) -> Network:
    """Return a network with weights of the seed; torch's own generator is left as it was.

    Impossible, before memory is used up, for a network with a tensor of more than `_LARGEST` numbers.
    """
    with torch.random.fork_rng(devices=[]), _Bounded(_refusal(entry, width)):
        torch.default_generator.manual_seed(seed)  # that of the CPU alone, where networks are built
        try:
            network: Network = entry.make(options, shape, width)
        except (TypeError, OverflowError, RuntimeError) as error:
            # sizes that no tensor can have never reach the bound
            if "verflow" in str(error):
                raise _refusal(entry, width) from error
            raise
    return network


def _refusal(entry: Entry, width: float) -> Impossible:
    return Impossible(
        f"{entry.name} of width {width:g} has a tensor of more than {_LARGEST:,} numbers, the most that is built"
    )


class _Bounded(TorchDispatchMode):
    """Refuses to make a tensor of more than `_LARGEST` numbers: memory is given when it is first written."""

    def __init__(self, refusal: Impossible) -> None:
        super().__init__()
        self._refusal = refusal

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            result = func(*args, **(kwargs or {}))
        except RuntimeError as error:
            if "DefaultCPUAllocator" in str(error):
                raise self._refusal from error
            raise
        if isinstance(result, Tensor) and result.numel() > _LARGEST:
            raise self._refusal
        return result
