"""What a number of the tables says: whether more of it is better, on which scale it differs, and how people read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Score:
    """How a kind of number is read.

    Shares (of right answers, of pixels) differ by points. Other numbers are errors or costs, positive, and differ by
    factors: their differences are taken of logarithms, so that a mean over seeds is not that of the worst seed alone.

    >>> accuracy, rmse = SCORES["accuracy"], SCORES["rmse"]
    >>> accuracy.text(0.921), rmse.text(0.01234)
    ('92.1 %', '0.0123')
    >>> accuracy.gain_text(0.021), rmse.gain_text(rmse.scaled(0.1) - rmse.scaled(0.2))
    ('2.1 points', 'a factor of 2.00')
    """

    name: str
    label: str
    higher_is_better: bool
    is_share: bool

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1

    def scaled(self, values: Any) -> Any:
        """Return values on the scale on which differences are taken: more is better, for every score."""
        if self.is_share:
            return self.sign * values
        return self.sign * np.log(np.maximum(values, np.finfo(float).tiny))

    def unscaled(self, values: Any) -> Any:
        """Return what `scaled` took."""
        return self.sign * values if self.is_share else np.exp(self.sign * np.asarray(values))

    def error(self, values: Any) -> Any:
        """Return how far values are from perfect."""
        return 1 - values if self.is_share else values

    def text(self, value: float) -> str:
        """Return a value as a sentence has it, ``-`` for a missing one."""
        if np.isnan(value):
            return "-"
        return f"{100 * value:.1f} %" if self.is_share else f"{value:.3g}"

    def gain(self, difference: Any) -> Any:
        """Return a difference of `scaled` values as people read it: in points, or as a factor."""
        return 100 * difference if self.is_share else np.exp(difference)

    @property
    def gain_label(self) -> str:
        """What `gain` is counted in, for an axis."""
        return "gain, points" if self.is_share else f"factor by which the {self.label} is better"

    def gain_text(self, difference: float) -> str:
        """Return a difference of `scaled` values in words."""
        return f"{self.gain(difference):.1f} points" if self.is_share else f"a factor of {self.gain(difference):.2f}"

    def range_text(self, low: float, high: float) -> str:
        """Return the ends of an interval of differences of `scaled` values."""
        return (
            f"{self.gain(low):.1f} to {self.gain(high):.1f}"
            if self.is_share
            else (f"{self.gain(low):.2f} to {self.gain(high):.2f}")
        )

    def margin_text(self, margin: float) -> str:
        """Return within what two scores count as equal."""
        if self.is_share:
            return "1 point" if 100 * margin == 1 else f"{100 * margin:g} points"
        return f"a factor of {self.gain(margin):.3g}"


def examples(domain: str) -> str:
    """Return what people call the inputs of a domain."""
    return "images" if domain == "plane" else "examples"


def _by_name(*scores: Score) -> dict[str, Score]:
    return {score.name: score for score in scores}


#: What a task is scored by; the names stand in the column ``score`` of every table.
SCORES = _by_name(
    Score("accuracy", "accuracy", higher_is_better=True, is_share=True),
    Score("mean_iou", "mean IoU", higher_is_better=True, is_share=True),
    Score("rmse", "RMSE", higher_is_better=False, is_share=False),
)

#: Columns of ``runs`` that hold the score of a cell's task, whichever that is.
SCORE_COLUMNS = (
    "test_score",
    "transformed_score",
    "exact_score",
    "resampled_score",
    "validation_score",
    "upright_validation_score",
    "transformed_validation_score",
)

#: Columns of ``runs`` that mean the same for every task.
QUANTITIES = _by_name(
    Score("invariance_rate", "invariance rate", higher_is_better=True, is_share=True),
    *(
        Score(name, name.replace("_", " "), higher_is_better=False, is_share=False)
        for name in (
            "test_loss",
            "transformed_loss",
            "equivariance_error_mean",
            "equivariance_error_max",
            "train_seconds",
            "build_seconds",
            "total_seconds",
            "peak_memory_bytes",
        )
    ),
    Score("examples_per_second", "examples per second", higher_is_better=True, is_share=False),
)

#: What tables can be ranked and compared by.
VALUES = (*SCORE_COLUMNS, *QUANTITIES)


def reading(column: str, score: str) -> Score:
    """Return how a column of `VALUES` is read in rows whose ``score`` has this name."""
    return SCORES[score] if column in SCORE_COLUMNS else QUANTITIES[column]


def by_score(rows: Any, column: str, what: Callable[[Score, Any], Any]) -> Any:
    """Return a column (of a pandas table) with ``what`` done to the values of each kind of score."""
    values = rows[column].astype(float)
    for name in rows["score"].unique():
        mine = rows["score"] == name
        values[mine] = what(reading(column, name), values[mine])
    return values
