"""Training time at matched performance: how long each family trains until it is as good as all of them can be.

Gerken et al. 2022 compare training times only among models that reach the same score. The score to reach is the
best that every label reaches, with its best augmentation, so that no time is missing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.analysis.frontier import SCORE, SHARED, evaluations
from bench.results.tables import Tables
from bench.scores import SCORES, Score, by_score

PART = [*SHARED, "score", "train_size"]
SETTING = [*PART, "label", "strength", "copies"]


def matched_time(tables: Tables) -> pd.DataFrame:
    """Return one row per setting: the score to reach, the median over seeds of the seconds and FLOPs, and their range.

    ``reached`` of ``n`` seeds got there; a seed that did not counts as infinitely long. Between two evaluations the
    time is interpolated linearly: it may be off by as much as they are ``apart``, in seconds. Settings of one
    training-set size share the ``target``.
    """
    points = evaluations(tables).dropna(subset=[SCORE]).sort_values([*SETTING, "seed", "step"])
    if points.empty:
        return pd.DataFrame(columns=[*SETTING, "target", "seconds", "low", "high", "apart", "flops", "reached", "n"])
    points = points.assign(good=by_score(points, SCORE, Score.scaled))
    # the score of a setting is that of its worst seed, at its best evaluation: reached by all of them
    best = points.groupby([*SETTING, "seed"])["good"].max().groupby(SETTING).min()
    target = best.groupby([*PART, "label"]).max().groupby(PART).min().rename("target")
    times = _times_to_target(points.join(target, on=PART))
    rows = times.groupby(SETTING)
    table: pd.DataFrame = rows.agg(
        target=("target", "first"),
        seconds=("seconds", "median"),
        low=("seconds", "min"),
        high=("seconds", "max"),
        apart=("apart", "median"),
        flops=("flops", "median"),
        reached=("seconds", lambda seconds: int(np.isfinite(seconds).sum())),
        n=("seconds", "size"),
    ).reset_index()
    return table.assign(target=by_score(table.rename(columns={"target": SCORE}), SCORE, Score.unscaled))


def _times_to_target(points: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: the seconds and the FLOPs at which its curve first reaches its target, or inf.

    ``apart`` are the seconds between the evaluations around it, NaN where it does not get there.
    """
    cell = [*SETTING, "seed"]
    costs = {"seconds": "training_seconds", "flops": "training_flops"}
    before = points.groupby(cell)[list(costs.values())].shift(fill_value=0.0)
    # a share begins at nothing; of an error nothing is known before its first evaluation
    first_good = np.where(points["score"].map(lambda name: SCORES[name].is_share), 0.0, points["good"])
    before["good"] = points.groupby(cell)["good"].shift().fillna(pd.Series(first_good, points.index))
    rise = (points["good"] - before["good"]).replace(0, np.nan)
    share = ((points["target"] - before["good"]) / rise).clip(0, 1).fillna(1)
    crossings = {name: before[cost] + share * (points[cost] - before[cost]) for name, cost in costs.items()}
    crossings["apart"] = points["training_seconds"] - before["training_seconds"]
    there = points["good"] >= points["target"]
    first = points.assign(**crossings)[there].drop_duplicates(cell)
    every = points.drop_duplicates(cell)[[*cell, "target"]]
    return every.merge(first[[*cell, *costs, "apart"]], on=cell, how="left").fillna(dict.fromkeys(costs, np.inf))
