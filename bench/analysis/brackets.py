"""How much of something a plain network needs to be as good as an equivariant one, between amounts that were tried.

A bracket says what the seeds can show at the amounts that were run: more than the largest at which the plain network is
worse, at most the least at which it is better, with 95 % for each bracket by itself. What lies between is interpolated
only where the means cross there, and marked so: a curve is known at its amounts alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.comparisons import PART, chosen, comparisons
from bench.analysis.crossing import crossing
from bench.analysis.failures import counted
from bench.analysis.opponents import shorter
from bench.analysis.paired import Scored, difference, tested
from bench.analysis.rule import Rule
from bench.analysis.summary import LEVEL, each
from bench.scores import SCORES, Score, examples, reading

#: What is exchanged: its column, and what it is counted in.
COUNTED = {"train_size": "examples", "train_seconds": "s of training", "train_flops": "FLOPs of training"}

COLUMNS = (
    *PART,
    "train_size",
    "domain",
    "label",
    "strength",
    "plain_label",
    "at",
    "along",
    "amount",
    "least",
    "most",
    "more_than",
    "at_most",
    "interpolated",
    "n",
)


@dataclass(frozen=True)
class Bracket:
    """Amounts between which a curve meets a level: 0 and inf where what was tried does not bound it.

    ``least`` and ``most`` are the ends of what was tried, ``interpolated`` where the means cross, NaN where they do not
    cross between two amounts, ``n`` the seeds.
    """

    least: float
    most: float
    more_than: float
    at_most: float
    interpolated: float
    n: int


def bracket(
    curve: dict[float, dict[int, Scored]], level: dict[int, Scored], read: Score = SCORES["accuracy"], of: int = 1
) -> Bracket | None:
    """Return where a curve, the seeds' scores at every amount, is as good as a level; None without shared seeds.

    An amount is too little, or enough, where the interval of the paired difference says so of it and of all beyond it:
    the interval of all amounts that are not told from the level holds the truth with 95 %, or as one ``of`` several
    brackets that do so all together (Bonferroni).
    """
    amounts = sorted(curve)
    seeds = [seed for seed in level if all(seed in curve[amount] for amount in amounts)]
    if not seeds or len(amounts) < 2:
        return None
    ends = [difference(curve[amount], level, seeds).interval((1 - LEVEL) / of) for amount in amounts]
    worse, better = [high < 0 for _, high in ends], [low > 0 for low, _ in ends]
    too_little = [amount for i, amount in enumerate(amounts) if all(worse[: i + 1])]
    enough = [amount for i, amount in enumerate(amounts) if all(better[i:])]
    scores = np.array([[curve[amount][seed].score for seed in seeds] for amount in amounts])
    own = np.array([level[seed].score for seed in seeds])
    met = crossing(np.array(amounts), *(read.error(read.unscaled(each)) for each in (scores, own)))
    return Bracket(
        amounts[0],
        amounts[-1],
        max(too_little, default=0.0),
        min(enough, default=math.inf),
        met.x if 0 < met.x < math.inf else math.nan,
        len(seeds),
    )


def brackets(runs: pd.DataFrame, value: str = "transformed_score", of: int = 1) -> pd.DataFrame:
    """Return one row for every comparison and everything that its plain network has in several amounts.

    Each holds with 95 % by itself, or as one ``of`` several that are told together.

    Images: the plain network with its chosen strength at each training-set size. Seconds and FLOPs of training: the
    same network trained for fewer and for more steps, on the same images. Fresh seeds alone, where they have all of it.
    """
    runs = counted(runs)
    runs = runs.assign(train_flops=runs["training_flops_per_example"] * runs["batch_size"] * runs["steps"])
    settings = {_place(row, row.train_size, row.label): row for row in each(chosen(runs, value))}
    rows = []
    for row in each(comparisons(runs, value)):
        part = runs[(runs["dataset"] == row.dataset) & (runs["augmentation_group"] == row.augmentation_group)]
        mine = _setting(part, row.train_size, row.label, row)
        for along, curve in _curves(part, row, settings):
            reached = _fresh(mine, curve, Rule.of(part), value, of)
            if reached:
                setting = {key: getattr(row, key) for key in COLUMNS[: COLUMNS.index("along")]}
                rows.append({**setting, "along": along, "amount": float(mine[along].mean()), **vars(reached)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def counted_in(along: str, domain: str) -> str:
    """Return what is exchanged, in words."""
    return examples(domain) if along == "train_size" else COUNTED[along]


def bracket_text(row: Any) -> str:
    """Return a row of `brackets` in words: ``more than 300, at most 1,000 images``."""
    unit = counted_in(row.along, row.domain)
    between = "" if math.isnan(row.interpolated) else f" (means cross at {_number(row.interpolated)}, interpolated)"
    if row.more_than > 0 and math.isfinite(row.at_most):
        return f"more than {_number(row.more_than)}, at most {_number(row.at_most)} {unit}{between}"
    if row.more_than > 0:
        return f"more than {_number(row.more_than)} {unit}{between}"
    if math.isfinite(row.at_most):
        return f"at most {_number(row.at_most)} {unit}{between}"
    return f"not bounded{between}"


def may_exceed(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows of `brackets` can tell of more than the equivariant network had itself.

    Where a cheaper network trains as many steps, it has seen fewer seconds and FLOPs in all.
    """
    return (rows["along"] == "train_size") | (rows["most"] > rows["amount"])


def _curves(
    part: pd.DataFrame, row: Any, settings: dict[tuple[Any, ...], Any]
) -> Iterator[tuple[str, dict[float, pd.DataFrame]]]:
    """Yield what is exchanged and the plain network's cells at every amount of it."""
    of_plain = part[part["label"] == row.plain_label].groupby("train_size")
    places = {size: _place(row, size, row.plain_label) for size, _ in of_plain}
    sizes = {
        float(size): _setting(cells, size, row.plain_label, settings[places[size]])
        for size, cells in of_plain
        if places[size] in settings
    }
    yield "train_size", sizes
    here = part[part["train_size"] == row.train_size]
    brief = shorter(here)
    longest = brief.get(row.plain_label, row.plain_label)
    labels = [longest, *(label for label, of in brief.items() if of == longest)]
    at = settings[_place(row, row.train_size, row.plain_label)]
    arms = [_setting(here, row.train_size, label, at) for label in labels]
    for along in ("train_seconds", "train_flops"):
        yield along, {float(cells[along].mean()): cells for cells in arms if len(cells)}


def _place(row: Any, size: int, label: str) -> tuple[Any, ...]:
    return row.dataset, row.augmentation_group, size, label


def _setting(cells: pd.DataFrame, size: int, label: str, at: Any) -> pd.DataFrame:
    chosen_here = (cells["strength"] == at.strength) & (cells["copies"] == at.copies)
    return cells[(cells["train_size"] == size) & (cells["label"] == label) & chosen_here]


def _fresh(mine: pd.DataFrame, curve: dict[float, pd.DataFrame], rule: Rule, value: str, of: int) -> Bracket | None:
    """Return the bracket over the seeds that chose nothing, or over all of them where not two of those have it all."""
    level, curves = tested(mine, value), {amount: tested(cells, value) for amount, cells in curve.items()}
    fresh = {seed: score for seed, score in level.items() if seed in rule.fresh}
    read = reading(value, mine["score"].iloc[0])
    of_fresh = bracket(curves, fresh, read, of)
    return of_fresh if of_fresh and of_fresh.n > 1 else bracket(curves, level, read, of)


def _number(amount: float) -> str:
    return f"{amount:.2g}" if amount < 10 or amount >= 1e6 else f"{amount:,.0f}"
