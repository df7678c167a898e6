"""How many seeds a difference needs: from the noise that the seeds of a results folder have."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import chdtri, nctdtr, stdtrit

from bench.analysis.differences import SIGNIFICANT, p_values, paired_differences
from bench.analysis.opponents import is_plain
from bench.analysis.sequential import critical
from bench.analysis.summary import done
from bench.scores import Score, by_score
from bench.seeding import LOOKS

#: The share of experiments that shall find a difference that there is.
POWER = 0.8
MOST = 1000
_PATHS = 20_000

COLUMNS = (
    "dataset",
    "augmentation_group",
    "train_size",
    "strength",
    "label",
    "other",
    "seeds",
    "deviation",
    "deviation_high",
    "fixed",
    "fixed_high",
    "power",
    "expected",
)


def power(runs: pd.DataFrame, difference: float) -> pd.DataFrame:
    """Return one row for every plain network beside every equivariant one in the same setting, on two seeds or more.

    ``deviation`` is the standard deviation of the paired difference of ``transformed_score`` (of errors, of their
    logarithm) over the seeds there are and ``deviation_high`` the end of its one-sided 95 % interval: few seeds tell
    little of it. ``fixed`` seeds find a ``difference`` with a power of 80 % at a level of 5 % over all rows
    (Bonferroni), ``fixed_high`` where the noise is the larger one; infinite beyond 1,000. ``power`` and ``expected``
    are those of the sequential procedure: the share of experiments that find it with up to 12 seeds, and the mean
    number of seeds.
    """
    cells = done(runs)
    plain = set(cells.loc[is_plain(cells), "label"])
    cells = cells.assign(transformed_score=by_score(cells, "transformed_score", Score.scaled))
    differences = paired_differences(cells, "transformed_score")
    pairs = differences[differences["label"].isin(plain) != differences["other"].isin(plain)]
    rows = []
    for pair in pairs.itertuples():
        of = cells[
            (cells["dataset"] == pair.dataset)
            & (cells["augmentation_group"] == pair.augmentation_group)
            & (cells["train_size"] == pair.train_size)
            & (cells["strength"] == pair.strength)
            & (cells["copies"] == pair.copies)
        ].pivot_table(index="seed", columns="label", values="transformed_score")
        deviation = float((of[pair.label] - of[pair.other]).dropna().std())
        largest = deviation * math.sqrt((pair.n - 1) / float(chdtri(pair.n - 1, 0.95)))
        level = SIGNIFICANT / len(pairs)
        share, expected = sequentially(difference, deviation, level)
        rows.append(
            (
                *(getattr(pair, name) for name in COLUMNS[:6]),
                pair.n,
                deviation,
                largest,
                seeds_needed(difference, deviation, level),
                seeds_needed(difference, largest, level),
                share,
                expected,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def seeds_needed(difference: float, deviation: float, level: float = SIGNIFICANT) -> float:
    """Return the least number of seeds with which a paired t-test finds a difference in 80 % of experiments."""
    if deviation == 0:
        return 2
    for n in range(2, MOST + 1):
        limit, shift = float(stdtrit(n - 1, 1 - level / 2)), difference / deviation * math.sqrt(n)
        if 1 - nctdtr(n - 1, shift, limit) + nctdtr(n - 1, shift, -limit) >= POWER:
            return n
    return math.inf


def sequentially(difference: float, deviation: float, level: float = SIGNIFICANT) -> tuple[float, float]:
    """Return the share of sequential experiments that find a difference, and their mean number of seeds."""
    draws = np.random.default_rng(0).normal(difference, max(deviation, 1e-12), (_PATHS, max(LOOKS)))
    limit, settled = critical(level), np.full(_PATHS, np.inf)
    for look in reversed(LOOKS):
        settled[p_values(draws[:, :look]) < limit] = look
    return float(np.isfinite(settled).mean()), float(np.minimum(settled, max(LOOKS)).mean())


def sentences(table: pd.DataFrame, difference: float) -> list[str]:
    """Return the lines that say it to a person: a sentence and a table, one row per pair of networks."""
    if table.empty:
        return ["no plain and equivariant network share two seeds in one setting: nothing tells their noise"]
    ordered = table.sort_values(["dataset", "train_size", "fixed"], kind="stable")
    printed = pd.DataFrame(
        {
            "data set": ordered["dataset"],
            "examples": ordered["train_size"],
            "strength": ordered["strength"],
            "networks": ordered["label"] + " | " + ordered["other"],
            "varies by": [f"{100 * value:.1f}" for value in ordered["deviation"]],
            "at most": [f"{100 * value:.1f}" for value in ordered["deviation_high"]],
            "seeds": [_count(value) for value in ordered["fixed"]],
            "at most ": [_count(value) for value in ordered["fixed_high"]],
            "found by 12": [f"{value:.0%}" for value in ordered["power"]],
            "on average": [f"{value:.1f}" for value in ordered["expected"]],
        }
    )
    return [
        f"How many seeds find a difference of {100 * difference:g} points in {POWER:.0%} of experiments, at 5 % over "
        f"all {len(table)} comparisons; what a difference varies by is in points, at most so with 95 %. The last two: "
        f"looking at {', '.join(map(str, LOOKS[:-1]))} and {LOOKS[-1]} seeds, how often it is found and when.",
        *printed.to_string(index=False).splitlines(),
    ]


def _count(seeds: float) -> str:
    return f"{seeds:.0f}" if math.isfinite(seeds) else f"> {MOST:,}"
