"""What resampling alone costs: upright scores beside those on inputs moved exactly, resampled, and moved by all.

A rotation of pixels by an angle off the grid is a rotation and an interpolation. ``exact_accuracy`` is on inputs moved
by elements that permute pixels, so that only the orientation changed; ``resampled_accuracy`` is on inputs that were
interpolated and not moved, so that only the pixels did. What `transformed_accuracy` lacks to the upright score is the
orientation's doing only as far as these say so.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.differences import SETTING
from bench.analysis.summary import Interval, done, interval

SCORES = ("test_accuracy", "exact_accuracy", "resampled_accuracy", "transformed_accuracy")


class Losses(NamedTuple):
    """Accuracy lost by cells, upright minus: moved exactly, resampled but not moved, moved by the whole group."""

    exact: Interval
    resampled: Interval
    transformed: Interval


def losses(cells: pd.DataFrame) -> Losses:
    """Return the losses of cells of one network and setting, paired cell by cell, with intervals over seeds."""
    return Losses(*(interval(cells[SCORES[0]] - cells[score]) for score in SCORES[1:]))


def controls(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting and label whose cells have the controls: the means of `SCORES` over seeds."""
    cells = done(runs).dropna(subset=["resampled_accuracy"])
    columns = [*SETTING, "label", *SCORES, "n"]
    if cells.empty:
        return pd.DataFrame(columns=columns)
    means = cells.groupby([*SETTING, "label"], sort=False)[list(SCORES)].mean()
    means["n"] = cells.groupby([*SETTING, "label"], sort=False)["seed"].nunique()
    return means.reset_index()[columns]
