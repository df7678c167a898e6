"""Networks of a wanted size: widening a family to a budget of parameters or FLOPs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch

from bench.cell import Match
from bench.errors import Impossible
from bench.models.network import Network, Shape
from bench.models.planar import PlanarOptions, counts
from bench.models.size import count_flops, count_parameters
from bench.registry import Entry, Options

DEFAULT_WIDTH = 8.0
TOLERANCE = 0.03
_WIDEST = 4096.0


@dataclass(frozen=True)
class Architecture:
    """A network's options and width and what follows from them; ``group`` is the symmetry that it promises."""

    options: Options
    width: float
    parameters: int
    flops: int
    group: str


@lru_cache(maxsize=4096)
def resolve(entry: Entry, options: Options, shape: Shape, width: float | None, match: Match | None) -> Architecture:
    """Return the architecture of a given width, or the one that meets a budget within 3 %.

    Impossible, with the reason, where the family cannot be built so or no width reaches the budget.
    """
    if match is None:
        return _measured(entry, options, shape, width or DEFAULT_WIDTH)

    def size(candidate: Architecture) -> int:
        return candidate.parameters if match.by == "parameters" else candidate.flops

    def distance(candidate: Architecture) -> float:
        return abs(size(candidate) - match.target) / match.target

    low, high = _measured(entry, options, shape, 0.01), _measured(entry, options, shape, 1.0)
    while size(high) < match.target and high.width < _WIDEST:
        low, high = high, _measured(entry, options, shape, high.width * 2)
    while size(low) < match.target < size(high) and high.width - low.width > 0.01 * high.width:
        middle = _measured(entry, options, shape, (low.width + high.width) / 2)
        low, high = (middle, high) if size(middle) < match.target else (low, middle)
    best = min(low, high, key=distance)
    if distance(best) > TOLERANCE and size(low) < match.target < size(high):
        best = min(best, _filled(entry, shape, low, size, match.target), key=distance)
    if distance(best) > TOLERANCE:
        raise Impossible(
            f"no width of {entry.name} comes within {TOLERANCE:.0%} of {match.target:,} {match.by}; "
            f"the nearest has {size(best):,}"
        )
    return best


def _filled(
    entry: Entry, shape: Shape, start: Architecture, size: Callable[[Architecture], int], target: int
) -> Architecture:
    """Widen single blocks by a field while the budget allows: between two widths of a small network lies a gap."""
    best = start
    while isinstance(best.options, PlanarOptions):
        now = counts(best.options.channels, best.width)
        wider = [
            _measured(entry, _with_counts(best, [*now[:i], now[i] + 1, *now[i + 1 :]]), shape, best.width)
            for i in range(len(now))
        ]
        fitting = [candidate for candidate in wider if size(best) < size(candidate) <= target * (1 + TOLERANCE)]
        if not fitting:
            break
        best = min(fitting, key=lambda candidate: abs(size(candidate) - target))
        if size(best) >= target * (1 - TOLERANCE):
            break
    return best


def _with_counts(architecture: Architecture, fields: list[int]) -> Options:
    shares = tuple(count / architecture.width for count in fields)
    return architecture.options.model_copy(update={"channels": shares})


def build(entry: Entry, options: Options, shape: Shape, width: float, seed: int) -> Network:
    """Return a network with weights of the seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: Network = entry.make(options, shape, width)
    return network


def _measured(entry: Entry, options: Options, shape: Shape, width: float) -> Architecture:
    network = build(entry, options, shape, width, seed=0)
    return Architecture(options, width, count_parameters(network), count_flops(network, shape), str(network.group))
