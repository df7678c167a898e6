"""What a plan will cost in time and memory, from steps that were really run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from bench.cell import Cell
from bench.execute import pool
from bench.execute.batching import together
from bench.execute.probe import Cost
from bench.train import total_steps


@dataclass(frozen=True)
class Line:
    """The cells of one family: how many, their seconds of work in all, the peak memory of a worker.

    ``fixed_seconds`` are those that do not grow with the steps, ``idle_seconds`` what would be left of all if the
    processes that were measured had never waited for a processor. ``reason`` says why a family could not be measured;
    its seconds are then NaN.
    """

    label: str
    cells: int
    seconds: float
    fixed_seconds: float
    idle_seconds: float
    peak_memory_bytes: int | None
    reason: str | None


@dataclass(frozen=True)
class Estimate:
    """The lines of a plan, and its seconds on the clock with so many workers."""

    lines: tuple[Line, ...]
    workers: int

    @property
    def seconds(self) -> float:
        """Seconds until all is done; NaN if a family could not be measured."""
        return self.seconds_at(1)

    def seconds_at(self, times: float) -> float:
        """Return the seconds on the clock with so many times the steps in every cell."""
        return sum(line.fixed_seconds + times * (line.seconds - line.fixed_seconds) for line in self.lines) / self._used

    @property
    def idle_seconds(self) -> float:
        """Seconds until all is done on a machine that does nothing else."""
        return sum(line.idle_seconds for line in self.lines) / self._used

    @property
    def _used(self) -> int:
        """The workers that have a cell to run."""
        return min(self.workers, sum(line.cells for line in self.lines)) or 1

    @property
    def peak_memory_bytes(self) -> int | None:
        return max((line.peak_memory_bytes for line in self.lines if line.peak_memory_bytes), default=None)


def busy() -> str | None:
    """Return the sentence that this machine does other things too, so that what is measured now takes less later."""
    share = psutil.cpu_percent(interval=_LOOK)
    if share < _IDLE:
        return None
    return (
        f"this machine is busy (its processors to {share:.0f} %): the times below are those of a busy machine, and an "
        "idle one takes less"
    )


#: Seconds that are looked at, and the percentage of all processors below which a machine is called idle.
_LOOK, _IDLE = 0.5, 25


Costs = Mapping[str, "Cost | pool.Failure"]


def measured(
    cells: Sequence[Cell], probe: Callable[[Sequence[Cell]], Cost], workers: int, one_thread: bool, at_once: int = 1
) -> Costs:
    """Measure cells of every kind, as many beside one another as will run later; return what one of each kind costs.

    A kind is what has the same step, evaluation and network; the number of steps follows from each cell's own budget.
    ``at_once`` is how many cells of a kind train together, where there are as many.
    """
    kinds: dict[str, list[Cell]] = {}
    for cell in cells:
        kinds.setdefault(_kind(cell), []).append(cell)
    # the largest training set of a kind shows the memory that it needs, a strength the time that augmentation takes
    chosen = [
        max(
            together(sorted(alike, key=_demand, reverse=True), at_once),
            key=lambda group: (len(group), *_demand(group[0])),
        )
        for alike in kinds.values()
    ]
    return {_kind(group[0]): cost for group, cost in pool.run(probe, chosen, workers, one_thread)}


def _demand(cell: Cell) -> tuple[int, float]:
    return cell.train_size, cell.strength


def estimate(cells: Sequence[Cell], costs: Costs, workers: int) -> Estimate:
    """Return what cells cost, of whose kinds one cell each was `measured`."""
    lines = []
    kinds: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault((cell.label, _kind(cell)), []).append(cell)
    for (label, kind), alike in kinds.items():
        cost = costs[kind]
        if isinstance(cost, pool.Failure):
            lines.append(Line(label, len(alike), math.nan, math.nan, math.nan, None, cost.reason))
        else:
            steps = sum(total_steps(each.budget, each.train_size) for each in alike)
            fixed = len(alike) * cost.fixed_seconds
            seconds = fixed + steps * cost.step_seconds
            idle = seconds * cost.cpu_share
            lines.append(Line(label, len(alike), seconds, fixed, idle, cost.peak_memory_bytes, None))
    return Estimate(_by_family(lines, dict.fromkeys(cell.label for cell in cells)), workers)


def _kind(cell: Cell) -> str:
    return cell.network_key(cell.budget.model_dump(exclude={"epochs", "steps", "lr", "weight_decay", "schedule"}))


def _by_family(lines: Sequence[Line], labels: Iterable[str]) -> tuple[Line, ...]:
    """Return one line per label, in the order of the labels."""
    parts = {label: [line for line in lines if line.label == label] for label in labels}
    return tuple(
        Line(
            label,
            sum(line.cells for line in alike),
            sum(line.seconds for line in alike),
            sum(line.fixed_seconds for line in alike),
            sum(line.idle_seconds for line in alike),
            max((line.peak_memory_bytes for line in alike if line.peak_memory_bytes), default=None),
            next((line.reason for line in alike if line.reason), None),
        )
        for label, alike in parts.items()
    )
