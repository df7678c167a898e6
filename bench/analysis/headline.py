"""The answer in a few sentences: at equal FLOPs, at equal parameters, and whether training has come to rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.chance import nothing_learned
from bench.analysis.comparisons import CHOICE, EQUAL, EQUIVARIANT, PART, PLAIN, UNDECIDED, comparisons, range_text
from bench.analysis.differences import SIGNIFICANT
from bench.analysis.opponents import shorter
from bench.analysis.settled import REST, gaps, last_gain
from bench.analysis.summary import done, each
from bench.results.tables import Tables
from bench.scores import SCORES, examples

NO_ANSWER = "No answer: no training-set size has both a plain and an equivariant network that are done."


@dataclass(frozen=True)
class Answer:
    """What one data set and augmentation group say: their comparisons, those of the best label, and the sentences.

    ``sides`` are the comparisons of the equivariant label that the pilot seeds chose, for every training-set size.
    """

    rows: pd.DataFrame
    sides: pd.DataFrame
    text: str
    is_learned: bool


def answers(tables: Tables, value: str, significant: float = SIGNIFICANT) -> Iterator[Answer]:
    """Yield the answer of every data set and augmentation group that has a plain and an equivariant network."""
    table = comparisons(tables.runs, value, significant)
    for (dataset, group), rows in table.groupby(PART, sort=False):
        sides = rows[rows["label"] == rows.groupby("train_size")["label"].transform(_best, rows)]
        where = f"On {dataset}, moved by {group}"
        reason = nothing_learned(of_part(tables.runs, sides.iloc[0]))
        if reason:
            yield Answer(rows, sides, f"{where}: {reason}.", False)
            continue
        parts = [f"at {at}, {_conclusions(of_size)}" for at, of_size in _by_size(sides)]
        text = f"{where}: {'; '.join(parts)}.{_withheld(rows)}{_from_fewer_steps(tables, sides)}"
        yield Answer(rows, sides, text + _unsettled(tables, sides), True)


def headline(tables: Tables, value: str = "transformed_score", significant: float = SIGNIFICANT) -> str:
    """Return the first sentences of the verdict alone, without the analyses that the others take."""
    return " ".join(answer.text for answer in answers(tables, value, significant)) or NO_ANSWER


def of_part(frame: pd.DataFrame, row: Any) -> pd.DataFrame:
    """Return the rows of a table that are of the data set and the augmentation group of ``row``."""
    return frame[(frame["dataset"] == row.dataset) & (frame["augmentation_group"] == row.augmentation_group)]


def side(runs: pd.DataFrame, row: Any, prefix: str = "") -> pd.DataFrame:
    """Return the cells of one side of a comparison that are done; ``prefix`` is ``plain_`` for the plain one."""
    at = {"train_size": row.train_size, **{key: getattr(row, prefix + key) for key in CHOICE}}
    cells = of_part(done(runs), row)
    return cells[(cells[list(at)] == pd.Series(at)).all(axis=1)]


def listed(parts: list[str]) -> str:
    """Return parts as a sentence lists them."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _best(labels: pd.Series, rows: pd.DataFrame) -> str:
    """Return the label that did best in the choice."""
    return str(labels[rows.loc[labels.index, "pilot"].idxmax()])


def _by_size(sides: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the comparisons by what the opponents share, FLOPs first: equal cost is what a user has."""
    for at in sorted(sides["at"].unique(), key=lambda at: ("FLOPs" not in at, "parameters" not in at)):
        yield at, sides[sides["at"] == at].sort_values("train_size")


def _conclusions(rows: pd.DataFrame) -> str:
    parts = []
    for conclusion in (EQUIVARIANT, PLAIN, EQUAL, UNDECIDED):
        mine = rows[rows["conclusion"] == conclusion]
        if len(mine):
            sizes = listed([f"{row.train_size:,} {examples(row.domain)} ({_difference(row)})" for row in each(mine)])
            parts.append(f"{_said(conclusion, mine)} at {sizes}")
    return ", ".join(parts)


def _said(conclusion: str, rows: pd.DataFrame) -> str:
    if conclusion == EQUIVARIANT:
        return "build the symmetry in"
    if conclusion == PLAIN:
        return "augment a plain network" if (rows["plain_strength"] > 0).any() else "use a plain network"
    within = SCORES[rows["score"].iloc[0]].margin_text(rows["margin"].iloc[0])
    return f"equal within {within}" if conclusion == EQUAL else "undecided"


def _difference(row: Any) -> str:
    read = SCORES[row.score]
    if pd.isna(row.difference):
        return "no seed tests it"
    if pd.isna(row.low):
        seeds = "1 seed" if row.n == 1 else f"{row.n} seeds"
        return f"{read.gain_text(row.difference)} by {seeds}, no interval"
    return f"{read.gain_text(row.difference)}, {range_text(row)}"


def _withheld(rows: pd.DataFrame) -> str:
    """Say of which networks trainings are missing, so that a difference names no winner."""
    labels = [label for label in dict.fromkeys(rows["lacking"]) if label]
    return f" Trainings of {listed(labels)} failed: where they are missing, nobody wins." if labels else ""


def _from_fewer_steps(tables: Tables, sides: pd.DataFrame) -> str:
    """Say how the differences moved from shorter trainings to these, where the same networks were trained for fewer."""
    moves_so_far: list[str] = []
    seeds: set[int] = set()
    for row in each(sides[sides["train_size"] == sides["train_size"].max()]):
        cells = of_part(done(tables.runs), row)
        brief = shorter(cells[cells["train_size"] == row.train_size])
        for gap in gaps(cells, row, brief):
            seeds.add(gap.seeds)
            before, after = (SCORES[row.score].gain_text(each_gap) for each_gap in (gap.before, gap.after))
            moves = " (not settled: longer training may answer otherwise)" if gap.moves else ""
            steps = f"after {gap.steps_before:,.0f} steps to {after} after {gap.steps_after:,.0f}"
            moves_so_far.append(f"at {row.at} from {before} {steps}{moves}")
    if not moves_so_far:
        return ""
    counted = "1 seed" if seeds == {1} else f"{min(seeds)} seeds" if len(seeds) == 1 else "the seeds that both have"
    noun = examples(sides["domain"].iloc[0])
    return f" With the most {noun} the difference went {listed(moves_so_far)}, an estimate over {counted}."


def _unsettled(tables: Tables, sides: pd.DataFrame) -> str:
    """Say which of the networks still learned when their budget ended, so that a longer one may answer otherwise."""
    gains: dict[str, float] = {}
    for row in each(sides):
        for prefix in ("plain_", ""):
            gain = last_gain(tables.curves, side(tables.runs, row, prefix)["cell_id"]).mean
            if gain > REST:
                label = getattr(row, f"{prefix}label")
                gains[label] = max(gain, gains.get(label, 0.0))
    if not gains:
        return ""
    read = SCORES[sides["score"].iloc[0]]
    still = listed([f"{label} (by up to {read.gain_text(gain)})" for label, gain in gains.items()])
    return (
        f" Not settled: towards the end of training {still} still gained, so that longer training may answer otherwise."
    )
