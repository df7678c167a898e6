"""The one way from a suite and a results folder to a plan: for the command line, for Python and for `advise`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.plan.matrix import Plan, make
from bench.results import folder
from bench.results.store import Store
from bench.suite import Suite


@dataclass(frozen=True)
class Prepared:
    """A plan that knows what its folder holds; ``damaged`` are the cells whose shards are not what was written."""

    plan: Plan
    results: Path
    damaged: tuple[str, ...]

    def state(self, todo: int) -> str:
        """How many cells are done, to do and impossible, in words; a run may need fewer than are left: ``todo``."""
        plan = self.plan
        done, impossible = len(plan.cells) - len(plan.todo) - len(plan.impossible), len(plan.impossible)
        return f"{done + todo + impossible} cells in {self.results}: {done} done, {todo} to do, {impossible} impossible"


def prepare(suite: Suite, results: Path, where: str, fresh: bool = False) -> Prepared:
    """Return the plan of a suite for a folder: what has no result there, or all of it if ``fresh``; touches nothing.

    ``where`` names the suite in errors. UserError where the folder is not this suite's, or the suite cannot be run.
    """
    folder.check(results, suite)
    store = Store(results)
    statuses = {} if fresh else store.scan()
    damaged = store.damaged() if statuses else []
    standing = {cell_id for cell_id, status in statuses.items() if status == "standing"} - set(damaged)
    plan = make(suite, standing, where)
    folder.check_cells(results, set(statuses), plan.cell_ids)
    return Prepared(plan, results, tuple(damaged))
