"""Which seeds of a table choose, and which test what was chosen."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.seeding import Seeding

#: The difference, of scaled scores, within which it is called none where a table does not say.
MARGIN = 0.02


@dataclass(frozen=True)
class Rule:
    """Which seeds choose and which test, when these are looked at, and what counts as equal."""

    pilot: frozenset[int]
    fresh: tuple[int, ...]
    looks: tuple[int, ...]
    margin: float
    is_sequential: bool

    @classmethod
    def of(cls, cells: pd.DataFrame) -> Rule:
        """Return the rule of one part of a table: its plan of seeds, or up to two of a fixed number, which choose."""
        seeds = sorted(map(int, cells["seed"].unique()))
        planned = cells.loc[cells["seeding"] != "", "seeding"]
        if len(planned):
            plan = Seeding.parse(planned.iloc[0])
            testing = tuple(range(plan.pilot, plan.most))
            return cls(frozenset(range(plan.pilot)), testing, plan.looks, plan.margin, True)
        choosing = min(2, len(seeds) // 2)
        testing = tuple(seeds[choosing:])
        return cls(frozenset(seeds[:choosing] or seeds), testing, (len(testing),), MARGIN, False)

    def __str__(self) -> str:
        """Which seeds did what, in words."""
        if self.is_sequential:
            pilot = "1 pilot seed" if len(self.pilot) == 1 else f"{len(self.pilot)} pilot seeds"
            return f"chosen on {pilot} and tested on up to {len(self.fresh)} others, as many as it took"
        if self.pilot & set(self.fresh):
            return "chosen on the one seed that tests them, so that nothing is tested"
        total = len(self.pilot) + len(self.fresh)
        return f"chosen on the first {len(self.pilot)} of {total} seeds and tested on the others"
