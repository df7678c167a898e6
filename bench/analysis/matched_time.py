"""Training time at matched performance: how long each family trains until it is as good as all of them can be.

Gerken et al. 2022 compare training times only among models that reach the same score. The score to reach is the
highest that every label reaches, with its best augmentation, so that no time is missing for want of accuracy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.analysis.frontier import SCORE, SHARED, evaluations
from bench.tables import Tables

PART = [*SHARED, "train_size"]
SETTING = [*PART, "label", "strength", "copies"]


def matched_time(tables: Tables) -> pd.DataFrame:
    """Return one row per setting: the score to reach, the median over seeds of the seconds and FLOPs, and their range.

    ``reached`` of ``n`` seeds got there; a seed that did not counts as infinitely long. Between two evaluations the
    time is interpolated linearly. Settings of one training-set size share the ``target``.
    """
    points = evaluations(tables).dropna(subset=[SCORE]).sort_values([*SETTING, "seed", "step"])
    if points.empty:
        return pd.DataFrame(columns=[*SETTING, "target", "seconds", "low", "high", "flops", "reached", "n"])
    # the score of a setting is that of its worst seed, at its best evaluation: reached by all of them
    best = points.groupby([*SETTING, "seed"])[SCORE].max().groupby(SETTING).min()
    target = best.groupby([*PART, "label"]).max().groupby(PART).min().rename("target")
    points = points.join(target, on=PART)
    times = points.groupby([*SETTING, "seed"]).apply(_time_to_target).reset_index()
    rows = times.groupby(SETTING)
    table: pd.DataFrame = rows.agg(
        target=("target", "first"),
        seconds=("seconds", "median"),
        low=("seconds", "min"),
        high=("seconds", "max"),
        flops=("flops", "median"),
        reached=("seconds", lambda seconds: int(np.isfinite(seconds).sum())),
        n=("seconds", "size"),
    ).reset_index()
    return table


def _time_to_target(curve: pd.DataFrame) -> pd.Series:
    """Return the seconds and the FLOPs at which one cell's curve first reaches its target."""
    target = float(curve["target"].iloc[0])
    score = np.r_[0.0, curve[SCORE].to_numpy(float)]
    there = score >= target
    found = {"target": target, "seconds": np.inf, "flops": np.inf}
    if there.any():
        after = int(np.argmax(there))
        share = (target - score[after - 1]) / (score[after] - score[after - 1]) if after else 0.0
        for cost in ("seconds", "flops"):
            amount = np.r_[0.0, curve[f"training_{cost}"].to_numpy(float)]
            found[cost] = amount[after - 1] + share * (amount[after] - amount[after - 1]) if after else 0.0
    return pd.Series(found)
