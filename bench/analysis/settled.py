"""Whether training has come to rest: what a network still gained at the end of its budget."""

from __future__ import annotations

import math

import pandas as pd

from bench.analysis.summary import Interval, interval

#: The share of the steps that is its end, and the gain in it that is not rest, as a share of right answers.
END, REST = 0.2, 0.01


def last_gain(curves: pd.DataFrame, cell_ids: pd.Series) -> Interval:
    """Return what the cells gained on transformed validation inputs in the last fifth of their steps, over seeds.

    From the last evaluation before it, as nothing tells what was between: with few evaluations that is a longer end.
    NaN where a cell was evaluated once.
    """
    mine = curves[curves["cell_id"].isin(cell_ids)].sort_values("step")
    gains = []
    for _, curve in mine.groupby("cell_id"):
        scores = curve.set_index("step")["transformed_validation_accuracy"]
        before = scores[scores.index <= (1 - END) * scores.index[-1]]
        gains.append(scores.iloc[-1] - before.iloc[-1] if len(before) else math.nan)
    return interval(gains)
