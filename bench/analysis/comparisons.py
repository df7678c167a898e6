"""Every equivariant network against the plain one of its size: chosen on some seeds, tested on the others.

The pilot seeds choose, by validation scores, each network's strength of augmentation at each training-set size, and
which of several plain networks of one size is the opponent. The fresh seeds, which chose nothing, test it. A choice
that is tested on the seeds that made it names a winner, nearly always the side with more candidates, in over
10 % of matrices without a difference in which that side's seeds vary more (tests/analysis/test_null.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.differences import SIGNIFICANT, holm, tested_among
from bench.analysis.failures import counted, lacking
from bench.analysis.opponents import SIZES, is_plain, opponents, shorter, sizes_of
from bench.analysis.paired import RIGHT, Paired, Scored, difference, tested_by
from bench.analysis.rule import Rule
from bench.analysis.sequential import critical, sequential_p
from bench.scores import SCORES, Score, by_score, reading

PART = ["dataset", "augmentation_group"]
CHOICE = ["label", "strength", "copies"]

#: What is compared, and the validation score by which a strength is chosen for it.
CHOSEN_BY = {
    "transformed_score": "transformed_validation_score",
    "test_score": "upright_validation_score",
}

#: What a comparison found: who wins, or that they are equal; nothing while it is undecided.
EQUIVARIANT, PLAIN, EQUAL, UNDECIDED = "equivariant", "plain", "equal", ""

COLUMNS = (
    *PART,
    "train_size",
    "domain",
    "score",
    "label",
    "strength",
    "copies",
    "plain_label",
    "plain_strength",
    "plain_copies",
    "at",
    "pilot",
    "mean",
    "plain_mean",
    "n",
    "difference",
    "low",
    "high",
    "own_low",
    "own_high",
    "p",
    "p_holm",
    "margin",
    "lacking",
    "conclusion",
    "more",
)


def comparisons(runs: pd.DataFrame, value: str = "transformed_score", significant: float = SIGNIFICANT) -> pd.DataFrame:
    """Return one row for every equivariant label, training-set size and plain opponent (`opponents`).

    ``difference`` is by how much the equivariant's score is better than the plain one's over ``n`` fresh seeds that
    both have, on the scale of `bench.scores.Score.scaled` (a share of accuracies, a logarithm of errors); ``p_holm``
    counts the looks and all rows (group-sequential Holm), and names a winner below ``significant``, the probability
    that any row names one where nothing differs. ``low`` and ``high`` are what the intervals of all looks have
    in common, at the level at which the row was tested, of 95 % or more: they hold zero where nobody wins, and only
    there. ``own_low`` and ``own_high`` are the same of this row alone, at the level ``significant``: what lies within
    ``margin`` is `EQUAL`. ``conclusion`` is that, `EQUIVARIANT`, `PLAIN` or `UNDECIDED`.
    A cell that diverged scores chance; where trainings failed otherwise, ``lacking`` names the label, and nobody wins.
    ``mean`` and ``plain_mean`` are scores, of errors the geometric mean. ``pilot`` is the label's score in the choice,
    ``more`` how many fresh seeds the next look takes; 0 where none does.
    Cells of tables without the validation score that would choose are left out.
    """
    rows, tests, rules = [], [], []
    lost = lacking(runs)
    for part, cells in _parts(runs, value):
        rule = Rule.of(cells)
        for row, test in _of_part(cells, lost, rule, part, value):
            rows.append(row)
            tests.append(test)
            rules.append(rule)
    p = np.array([row["p"] for row in rows], float)
    # what was not looked at yet will be: it counts
    corrected = holm(np.where(np.isnan(p), 1.0, p))
    counts = tested_among(p, corrected, significant)
    for row, looks, rule, p_holm, count in zip(rows, tests, rules, corrected, counts, strict=True):
        row |= _concluded(row, looks, rule, float(p_holm), significant, significant / count)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def chosen(runs: pd.DataFrame, value: str = "transformed_score") -> pd.DataFrame:
    """Return one row for every label and training-set size: the strength and the copies that its pilot seeds chose."""
    rows = [
        {**part, **dict(zip(CHOICE, setting, strict=True))}
        for part, cells in _parts(runs, value)
        for setting, _ in _choices(cells, Rule.of(cells), value).values()
    ]
    return pd.DataFrame(rows, columns=[*PART, "train_size", *CHOICE])


def range_text(row: Any) -> str:
    """Return the interval of a row in words; of networks that are equal also its own, by which they are."""
    read = SCORES[row.score]
    counted = str(read.range_text(row.low, row.high))
    if row.conclusion != EQUAL or (row.own_low, row.own_high) == (row.low, row.high):
        return counted
    return f"{read.range_text(row.own_low, row.own_high)} by itself, {counted} with all counted"


_Setting = tuple[str, float, int]


def _parts(runs: pd.DataFrame, value: str) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield the cells of every data set, augmentation group and training-set size."""
    by = CHOSEN_BY[value]
    axes = [
        *PART,
        "train_size",
        *CHOICE,
        "seed",
        "seeding",
        "family",
        "group",
        *SIZES,
        "steps",
        "test_size",
        "score",
        "domain",
    ]
    cells = counted(runs).dropna(subset=[value, by])[[*axes, value, by, RIGHT[value]]]
    cells[by] = by_score(cells, by, Score.scaled)
    for key, part in cells.groupby([*PART, "train_size"]):
        yield dict(zip([*PART, "train_size"], key, strict=True)), part


def _choices(cells: pd.DataFrame, rule: Rule, value: str) -> dict[str, tuple[_Setting, float]]:
    """Return the setting of every label that has the best mean in the choice, and that mean."""
    means = cells[cells["seed"].isin(rule.pilot)].groupby(CHOICE)[CHOSEN_BY[value]].mean()
    best: dict[str, tuple[_Setting, float]] = {}
    for (label, strength, copies), mean in means.items():
        if label not in best or mean > best[label][1]:
            best[label] = (label, float(strength), int(copies)), float(mean)
    return best


def _of_part(
    cells: pd.DataFrame, lost: pd.DataFrame, rule: Rule, part: dict[str, Any], value: str
) -> Iterator[tuple[dict[str, Any], list[Paired]]]:
    """Yield the rows of one training-set size without their conclusions, each with its differences at every look.

    ``lost`` are cells, of any part, that have no score which counts.
    """
    choices = _choices(cells, rule, value)
    scores = tested_by(cells[cells["seed"].isin(rule.fresh)], CHOICE, value)
    read = reading(value, cells["score"].iloc[0])
    sizes, brief, plain = sizes_of(cells), shorter(cells), set(cells.loc[is_plain(cells), "label"])
    rivals = {label: score for label, (_, score) in choices.items() if label in plain}
    lost_here = lost[(lost[list(part)] == pd.Series(part)).all(axis=1)]
    without = set(lost_here[CHOICE].itertuples(index=False, name=None))
    for label in choices if rivals else ():
        if label in plain or label in brief:
            continue
        mine, score = choices[label]
        for at, rival in opponents(sizes, label, rivals, set(brief)):
            theirs, _ = choices[rival]
            of_mine, of_theirs = scores.get(mine, {}), scores.get(theirs, {})
            looks, p = _looked(of_mine, of_theirs, rule)
            looked = looks[-1]
            yield (
                {
                    **part,
                    "domain": cells["domain"].iloc[0],
                    "score": read.name,
                    **dict(zip(CHOICE, mine, strict=True)),
                    **{f"plain_{key}": choice for key, choice in zip(CHOICE, theirs, strict=True)},
                    "at": at,
                    "pilot": score,
                    "mean": float(read.unscaled(_mean(of_mine))),
                    "plain_mean": float(read.unscaled(_mean(of_theirs))),
                    "n": looked.n,
                    "difference": looked.mean,
                    "p": p,
                    "lacking": next((setting[0] for setting in (mine, theirs) if setting in without), ""),
                },
                looks,
            )


def _mean(scores: dict[int, Scored]) -> float:
    return float(np.mean([each.score for each in scores.values()])) if scores else math.nan


def _looked(mine: dict[int, Scored], theirs: dict[int, Scored], rule: Rule) -> tuple[list[Paired], float]:
    """Return the paired difference at every look that there was, one at least, and the p-value of all together."""
    shared = [seed for seed in mine if seed in theirs]
    looks = [difference(mine, theirs, shared[:look]) for look in rule.looks if 0 < look <= len(shared)]
    if not looks:
        return [difference(mine, theirs, shared)], math.nan
    if not rule.is_sequential:
        return looks, looks[-1].p
    return looks, float(sequential_p(min(each.p for each in looks), rule.looks))


def _interval(looks: list[Paired], level: float) -> tuple[float, float]:
    """Return what the intervals of all looks have in common: they hold the truth together (Jennison & Turnbull 1989).

    So it leaves out zero exactly where a look found a difference. The last look's where nothing is common to all.
    """
    ends = [look.interval(level) for look in looks if not math.isnan(look.error)]
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    return (low, high) if low < high else ends[-1]


def _concluded(
    row: dict[str, Any], looks: list[Paired], rule: Rule, p_holm: float, significant: float, own: float
) -> dict[str, Any]:
    """Return the columns of a row that depend on all rows: its interval, at its ``own`` level, and the conclusion."""
    single = critical(significant, rule.looks) if rule.is_sequential else significant
    level = critical(own, rule.looks) if rule.is_sequential else own
    looked = looks[-1]
    was_looked_at = looked.n >= rule.looks[0] and not math.isnan(looked.error)
    nothing = math.nan, math.nan
    ends = [_interval(looks, each) if was_looked_at else nothing for each in (level, single)]
    if SCORES[row["score"]].is_share:
        ends = np.clip(ends, -1, 1).tolist()
    (low, high), (own_low, own_high) = ends
    conclusion = UNDECIDED
    if row["lacking"] == "" and not math.isnan(row["p"]):
        if p_holm < significant:
            conclusion = EQUIVARIANT if min(looks, key=lambda look: look.p).mean > 0 else PLAIN
        elif -rule.margin <= own_low and own_high <= rule.margin:
            conclusion = EQUAL
    later = [look for look in rule.looks if look > looked.n] if conclusion == UNDECIDED else []
    return {
        "low": low,
        "high": high,
        "own_low": own_low,
        "own_high": own_high,
        "p_holm": math.nan if math.isnan(row["p"]) else p_holm,
        "margin": rule.margin,
        "conclusion": conclusion,
        "more": later[0] if later and rule.is_sequential else 0,
    }
