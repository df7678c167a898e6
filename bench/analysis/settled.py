"""Whether training has come to rest: what a network still gained at the end of its budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from bench.analysis.summary import Interval, interval
from bench.scores import Score, by_score

#: The share of the steps that is its end, and the gain of the scaled score in it that is not rest: a point, or 1 %.
END, REST = 0.2, 0.01


def last_gain(curves: pd.DataFrame, cell_ids: pd.Series) -> Interval:
    """Return what the cells gained on transformed validation inputs in the last fifth of their steps, over seeds.

    From the last evaluation before it, as nothing tells what was between: with few evaluations that is a longer end.
    NaN where a cell was evaluated once.
    """
    mine = curves[curves["cell_id"].isin(cell_ids)].sort_values("step")
    mine = mine.assign(good=by_score(mine, "transformed_validation_score", Score.scaled))
    gains = []
    for _, curve in mine.groupby("cell_id"):
        scores = curve.set_index("step")["good"]
        before = scores[scores.index <= (1 - END) * scores.index[-1]]
        gains.append(scores.iloc[-1] - before.iloc[-1] if len(before) else math.nan)
    return interval(gains)


@dataclass(frozen=True)
class Gap:
    """A difference between two networks after fewer and after more steps, over the seeds that all four have."""

    before: float
    after: float
    steps_before: float
    steps_after: float
    seeds: int

    @property
    def moves(self) -> bool:
        """Whether it moved by over a third, and by more than a curve that has come to rest may."""
        return abs(self.after - self.before) > max(abs(self.before) / 3, REST)


def gaps(cells: pd.DataFrame, row: Any, brief: Mapping[str, str]) -> Iterator[Gap]:
    """Yield how the difference of a comparison moved, for every smaller number of steps that both sides have.

    ``cells`` are those of the comparison's data set and group; ``brief`` are the labels of shorter trainings, and whose
    they are (`bench.analysis.opponents.shorter`). All are taken with the strengths that the longer ones chose.
    """
    here = cells[cells["train_size"] == row.train_size]
    here = here.assign(good=by_score(here, "transformed_score", Score.scaled))

    def scores(label: str, strength: float, copies: int) -> pd.DataFrame:
        at = (here["label"] == label) & (here["strength"] == strength) & (here["copies"] == copies)
        return here[at].set_index("seed")[["good", "steps"]]

    mine, theirs = (row.label, row.strength, row.copies), (row.plain_label, row.plain_strength, row.plain_copies)
    for shorter, plain in product(*([each for each, of in brief.items() if of == long[0]] for long in (mine, theirs))):
        runs = [scores(*mine), scores(*theirs), scores(shorter, *mine[1:]), scores(plain, *theirs[1:])]
        seeds = sorted(set.intersection(*(set(each.index) for each in runs)))
        if not seeds or runs[2]["steps"].iloc[0] != runs[3]["steps"].iloc[0]:
            continue
        after, before = (float((runs[i].loc[seeds, "good"] - runs[i + 1].loc[seeds, "good"]).mean()) for i in (0, 2))
        yield Gap(before, after, runs[2]["steps"].iloc[0], runs[0]["steps"].iloc[0], len(seeds))
