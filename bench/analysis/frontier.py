"""The compute frontier: the best score that each family reaches within a budget of training FLOPs or of seconds.

Every evaluation during training of every cell is a point (cost so far, score on transformed validation inputs); the
frontier of a family runs over the best of them, whatever the strength, the training-set size and the width (Brehmer et
al. 2024, arXiv 2410.23179, draw it for FLOPs). The best at a budget is chosen among many by the mean that is then
reported, so that the frontier is a little optimistic, for every family alike. Under a schedule that anneals the
learning rate an early evaluation shows less than a shorter training would: budgets below a whole run are bounds.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from bench.analysis.summary import done, summarise
from bench.results.tables import Tables
from bench.scores import Score, by_score

Cost = Literal["flops", "seconds"]

#: Forward passes that a training step costs where it was not counted: itself and the gradients of features and weights.
PASSES = 3

SHARED = ["dataset", "augmentation_group"]
SETTING = [*SHARED, "label", "strength", "copies", "train_size"]
SCORE = "transformed_validation_score"


def frontier(tables: Tables, cost: Cost) -> pd.DataFrame:
    """Return one row for every budget at which a label's best mean over seeds rises, with its interval.

    ``budget`` is in FLOPs or in seconds of training; ``strength``, ``copies`` and ``train_size`` say which setting
    gave it. Settings that lack a seed which others of the label have are left out.
    """
    points = evaluations(tables)
    amount = f"training_{cost}"
    at = [*SETTING, "score", "step"]
    scores = summarise(points, at, SCORE)
    if scores.empty:
        return pd.DataFrame(columns=["budget", *scores.columns.drop("step")])
    scores["budget"] = points.dropna(subset=[SCORE]).groupby(at)[amount].mean().to_numpy()
    family = [*SHARED, "label"]
    whole = scores[scores["n"] == scores.groupby(family)["n"].transform("max")]
    whole = whole.assign(good=by_score(whole.rename(columns={"mean": SCORE}), SCORE, Score.scaled))
    ordered = whole.sort_values([*family, "budget", "good"], ascending=[True] * (len(family) + 1) + [False])
    before = ordered.groupby(family)["good"].transform(lambda good: good.cummax().shift(fill_value=-np.inf))
    rising: pd.DataFrame = ordered[ordered["good"] > before].drop(columns=["step", "good"]).reset_index(drop=True)
    return rising


def evaluations(tables: Tables) -> pd.DataFrame:
    """Return the curves of cells that are done, with ``training_flops`` and ``training_seconds`` so far."""
    runs = done(tables.runs)
    per_image = runs["training_flops_per_example"].fillna(PASSES * runs["flops_per_example"])
    sizes = runs[["cell_id", "batch_size"]].assign(per_image=per_image)
    points = tables.curves.merge(sizes, on="cell_id")
    flops = points.pop("per_image") * points["batch_size"] * points["step"]
    return points.assign(training_flops=flops, training_seconds=points["seconds"])
