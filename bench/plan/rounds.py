"""The rounds of a run whose seeds follow what earlier ones showed: pilot seeds choose, fresh seeds test, look by look.

This is a loop around the data flow, not against it: a round asks the analysis what is still open, and plans the cells
of the next look. Everything follows from the cells that are done, so that a run that was stopped goes on. The analysis
is imported where it is asked, so that a run without rounds does not wait for pandas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.cell import Cell
from bench.results.store import Store
from bench.scores import SCORES, examples
from bench.seeding import Seeding

if TYPE_CHECKING:
    import pandas as pd

    from bench.plan.matrix import Plan

#: What a cell is chosen by: data set, augmentation group, training-set size and label.
Place = tuple[str, str, int, str]


@dataclass(frozen=True)
class Round:
    """The cells that a look needs and that have no result, and the sentences that say why."""

    cells: tuple[Cell, ...]
    reasons: tuple[str, ...]


def rounds(plan: Plan, store: Store | None) -> Iterator[Round]:
    """Yield the rounds of a plan, each once the cells of the one before have been tried; one where seeds are fixed.

    A cell that failed is not tried again by the same run: what lacks it stays open. Without a store nothing was run.
    """
    seeding = plan.suite.seeding
    if seeding is None:
        if plan.todo:
            yield Round(plan.todo, ())
        return
    tried: set[str] = set()
    reported: dict[tuple[Any, ...], str] = {}
    while True:
        runs = _runs(plan, store)
        wanted, reasons = _wanted(plan, seeding, runs, reported)
        todo = {cell.cell_id: cell for cell in plan.todo}
        statuses = store.scan() if store else {}
        waiting = [cell.cell_id for cell in wanted if statuses.get(cell.cell_id) != "standing"]
        untried = tuple(todo[cell_id] for cell_id in waiting if cell_id in todo and cell_id not in tried)
        if not untried:
            yield Round((), tuple(reasons))
            return
        tried |= {cell.cell_id for cell in untried}
        yield Round(untried, tuple(reasons))


def _runs(plan: Plan, store: Store | None) -> pd.DataFrame:
    """Return the rows of the cells of a plan that have a shard."""
    from bench.results.tables import build

    if store is None:
        return build(()).runs
    shards = (store.read(cell_id, status) for cell_id, status in store.scan().items() if cell_id in plan.cell_ids)
    return build(shard for shard in shards if shard is not None).runs


def is_pilot(cell: Cell, seeding: Seeding) -> bool:
    """Whether a cell is of a seed that chooses."""
    return cell.seed < seeding.pilot


def _wanted(
    plan: Plan, seeding: Seeding, runs: pd.DataFrame, reported: dict[tuple[Any, ...], str]
) -> tuple[list[Cell], list[str]]:
    """Return the cells that the next look needs, done or not, and what is to be said; ``told`` is what was said."""
    from bench.analysis.comparisons import UNDECIDED, comparisons
    from bench.analysis.summary import each

    pilot = [cell for cell in plan.cells if is_pilot(cell, seeding) and cell.cell_id not in plan.impossible]
    present = set(runs["cell_id"])
    missing = sum(cell.cell_id not in present for cell in pilot)
    if missing:
        seeds = "seed 0" if seeding.pilot == 1 else f"seeds 0 to {seeding.pilot - 1}"
        return pilot, [f"pilot: {seeds} of every strength, {missing} cells to do; they choose, and test nothing"]
    table = comparisons(runs)
    reasons = []
    for row in each(table):
        key = (row.dataset, row.augmentation_group, row.train_size, row.label, row.at)
        line = conclusion(row)
        if row.n and reported.get(key) != line:
            reported[key] = line
            reasons.append(line)
    still = table[table["more"] > 0]
    if still.empty:
        left = int((table["conclusion"] == UNDECIDED).sum())
        ended = f"; the others stay undecided after {seeding.looks[-1]} fresh seeds" if left else ""
        return pilot, [*reasons, f"{len(table) - left} of {len(table)} comparisons are settled{ended}"]
    reasons.append(
        f"{len(still)} of {len(table)} comparisons are open; the next look is at {_looks(still)} fresh seeds"
    )
    cells = _of_looks(plan, seeding, runs, still)
    return [*pilot, *cells], reasons


def _of_looks(plan: Plan, seeding: Seeding, runs: pd.DataFrame, still: pd.DataFrame) -> list[Cell]:
    """Return the cells of the chosen strengths that the next look at the open comparisons takes."""
    from bench.analysis.comparisons import PART, chosen
    from bench.analysis.summary import each

    more: dict[Place, int] = {}
    for row in each(still):
        for label in (row.label, row.plain_label):
            place = (row.dataset, row.augmentation_group, row.train_size, label)
            more[place] = max(row.more, more.get(place, 0))
    settings = {
        (*(getattr(row, key) for key in PART), row.train_size, row.label): (row.strength, row.copies)
        for row in each(chosen(runs))
    }
    return [
        cell
        for cell in plan.cells
        if not is_pilot(cell, seeding)
        and cell.seed - seeding.pilot < more.get(_place(cell), 0)
        and (cell.strength, cell.copies) == settings[_place(cell)]
    ]


def _place(cell: Cell) -> Place:
    return cell.dataset_label or cell.dataset, cell.augmentation_group, cell.train_size, cell.label


def _looks(still: pd.DataFrame) -> str:
    return " or ".join(str(look) for look in sorted(set(still["more"])))


def conclusion(row: Any) -> str:
    """Return what a comparison has come to, in one line."""
    from bench.analysis.comparisons import EQUAL, EQUIVARIANT, UNDECIDED, range_text

    read = SCORES[row.score]
    outcome = {
        EQUIVARIANT: "settled, the equivariant network is better",
        EQUAL: f"settled, equal within {read.margin_text(row.margin)}",
        UNDECIDED: "open",
    }.get(row.conclusion, "settled, the plain network is better")
    by = read.gain_text(row.difference)
    interval = "" if math.isnan(row.low) else f" ({range_text(row)})"
    return (
        f"  {row.label} against {row.plain_label}, {row.train_size:,} {examples(row.domain)}, at {row.at}: {by}"
        f"{interval} over {row.n} fresh seeds: {outcome}"
    )


def largest(plan: Plan, seeding: Seeding) -> list[Cell]:
    """Return the cells that are to do if no comparison is settled before its last seed."""
    return list(_with_fresh(plan, seeding, dict.fromkeys(_places(plan.todo), float(seeding.looks[-1]))))


def expected(plan: Plan, seeding: Seeding) -> list[Cell]:
    """Return the cells that are to do if differences are as large as `expected_seeds` supposes.

    Every equivariant network is supposed to be compared with every plain one on the same data: which of them it will
    be, the pilot seeds tell.
    """
    from bench.analysis.differences import SIGNIFICANT
    from bench.analysis.sequential import expected_seeds

    groups: dict[tuple[Any, ...], dict[bool, list[Place]]] = {}
    for cell in plan.todo:
        mine = groups.setdefault(_place(cell)[:-1], {True: [], False: []})[cell.group == "C1"]
        if _place(cell) not in mine:
            mine.append(_place(cell))
    count = sum(len(sides[True]) * len(sides[False]) for sides in groups.values())
    seeds: dict[Place, float] = {}
    for sides in groups.values():
        for is_plain, mine in sides.items():
            of = len(sides[not is_plain])
            wanted = expected_seeds(seeding.looks, SIGNIFICANT / max(count, 1), of) if of else 0.0
            seeds |= dict.fromkeys(mine, wanted)
    return list(_with_fresh(plan, seeding, seeds))


def _with_fresh(plan: Plan, seeding: Seeding, seeds: Mapping[Place, float]) -> Iterator[Cell]:
    """Yield what is to do of the pilot, and so many fresh seeds of each label, at its strongest augmentation."""
    strongest: dict[Place, float] = {}
    for cell in plan.cells:
        strongest[_place(cell)] = max(cell.strength, strongest.get(_place(cell), 0.0))
    for cell in plan.todo:
        place = _place(cell)
        if is_pilot(cell, seeding) or (
            cell.strength == strongest[place] and cell.seed - seeding.pilot < math.ceil(seeds.get(place, 0.0))
        ):
            yield cell


def _places(cells: Iterable[Cell]) -> set[Place]:
    return {_place(cell) for cell in cells}
