"""What resampling alone costs: upright scores beside those on inputs moved exactly, resampled, and moved by all.

A rotation of pixels by an angle off the grid is a rotation and an interpolation. ``exact_score`` is on inputs moved
by elements that permute pixels, so that only the orientation changed; ``resampled_score`` is on inputs that were
interpolated and not moved, so that only the pixels did. What `transformed_score` lacks to the upright score is the
orientation's doing only as far as these say so.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.differences import SETTING
from bench.analysis.summary import Interval, done, interval
from bench.scores import Score, by_score

COLUMNS = ("test_score", "exact_score", "resampled_score", "transformed_score")


class Losses(NamedTuple):
    """What cells lose, on the scale of `Score.scaled`, moved exactly, resampled but not moved, and moved by all."""

    exact: Interval
    resampled: Interval
    transformed: Interval


def losses(cells: pd.DataFrame) -> Losses:
    """Return the losses of cells of one network and setting, paired cell by cell, with intervals over seeds."""
    upright, *others = (by_score(cells, column, Score.scaled) for column in COLUMNS)
    return Losses(*(interval(upright - other) for other in others))


def controls(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting and label whose cells have the controls: the means of `COLUMNS` over seeds."""
    cells = done(runs).dropna(subset=["resampled_score"])
    columns = [*SETTING, "score", "label", *COLUMNS, "n"]
    if cells.empty:
        return pd.DataFrame(columns=columns)
    means = cells.groupby([*SETTING, "score", "label"], sort=False)[list(COLUMNS)].mean()
    means["n"] = cells.groupby([*SETTING, "score", "label"], sort=False)["seed"].nunique()
    return means.reset_index()[columns]
