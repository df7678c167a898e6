"""Exchange rates: how many times more of something the plain network needs to do as well as an equivariant one.

A rate is the amount at which the reference is as good as another family, over the amount which that family had:
training images, augmented copies of them, or parameters. What a shorter training would have given, its first steps do
not tell, as the learning rate anneals: seconds and FLOPs are in `bench.analysis.brackets`. Where the reference never
gets there, the rate is a bound (rate and high are inf, low is what the largest amount that was tried still allows to
say).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.crossing import LEAST_ERROR, crossing
from bench.analysis.summary import done
from bench.results.tables import Tables
from bench.scores import SCORES

#: What is exchanged, and what is printed for it.
ALONG = {
    "train_size": "training examples",
    "copies": "augmented copies",
    "parameters": "parameters",
}

#: What a family and its reference share, beside the seeds.
SHARED = ("dataset", "augmentation_group")

#: What a curve of the reference has in common; networks of other sizes have other labels.
_CURVE = {
    "train_size": ["label", "strength", "copies"],
    "copies": ["label", "strength", "train_size"],
    "parameters": ["strength", "copies", "train_size"],
}

_SETTING = ("label", "strength", "copies", "train_size", "match_target", "width")
COLUMNS = (
    "along",
    *SHARED,
    "label",
    "strength",
    "copies",
    "train_size",
    "amount",
    "score",
    "reached",
    "reference",
    "reference_strength",
    "rate",
    "low",
    "high",
    "least",
    "most",
    "n",
)


def exchange_rates(tables: Tables, along: str, reference: str = "cnn") -> pd.DataFrame:
    """Return one row for every setting of every family other than ``reference`` and every strength of the reference.

    The reference is a family or a label. ``rate`` is its amount over the setting's, with the ends ``low`` and ``high``
    of its 95 % interval (see `bench.analysis.crossing`); ``least`` and ``most`` are the rates that the amounts which
    were tried can show at all. Compared is the score on transformed test inputs, ``reached``. Settings whose reference
    has fewer than two amounts have no row.
    """
    if along not in ALONG:
        raise ValueError(f"no exchange rate along '{along}'; there are {', '.join(ALONG)}")
    points = _points(tables, along)
    rows = [row for _, shared in points.groupby(list(SHARED)) for row in _rates(shared, along, reference)]
    rates: pd.DataFrame = pd.DataFrame(rows, columns=list(COLUMNS)).assign(along=along)
    return rates


def telling(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that say something: not those without a rate whose bound is no more than 1.

    The amounts that were tried then do not reach beyond the setting's own, as where a cheaper network trains as many
    steps, or the seeds bound nothing.
    """
    bound = rates["low"].where(rates["n"] > 1, rates["most"])
    silent = np.isinf(rates["rate"]) & ~(bound > 1)
    return rates[~silent & ~((rates["rate"] == 0) & np.isinf(rates["high"]))]


def rate_text(row: Any) -> str:
    """Return the rate of a row of `exchange_rates` in words: ``3.1x (1.8x to 6x)``, ``> 12x``, ``< 0.1x``.

    A bound is what the 95 % interval says, not the mean; with one seed there is no interval, and the mean is all.
    """
    if math.isnan(row.rate):
        return "-"
    one_seed = math.isnan(row.low)
    if math.isinf(row.rate):
        if one_seed:
            return f"> {_times(row.most)} (one seed)"
        return f"> {_times(row.low)}" if row.low > 0 else "not bounded"
    if row.rate == 0:
        if one_seed:
            return f"< {_times(row.least)} (one seed)"
        return f"< {_times(row.high)}" if math.isfinite(row.high) else "not bounded"
    if one_seed:
        return f"{_times(row.rate)} (one seed)"
    low = f"< {_times(row.least)}" if row.low <= 0 else _times(row.low)
    high = f"> {_times(row.most)}" if math.isinf(row.high) else _times(row.high)
    return f"{_times(row.rate)} ({low} to {high})"


def _times(number: float) -> str:
    return f"{number:,.0f}x" if number >= 100 else f"{number:.2g}x"


def _points(tables: Tables, along: str) -> pd.DataFrame:
    """Return one point per trained cell: its amount and its score."""
    runs = done(tables.runs)
    if along == "copies":
        # without augmentation there is one copy of every image; with it online, no count of copies
        runs = runs[(runs["strength"] == 0) | (runs["copies"] > 0)]
        runs = runs.assign(copies=runs["copies"].where(runs["strength"] > 0, 1))
    points: pd.DataFrame = runs.assign(amount=runs[along].astype(float), reached=runs["transformed_score"])
    return points


def _rates(points: pd.DataFrame, along: str, reference: str) -> Iterator[dict[str, Any]]:
    """Yield the rates among points of one data set and one augmentation group."""
    plain = (points["family"] == reference) | (points["label"] == reference)
    curves = {
        key: (rivals.iloc[0], rivals.pivot_table(index="amount", columns="seed", values="reached"))
        for key, rivals in points[plain].groupby(_CURVE[along])
    }
    for setting, level in points[~plain].groupby(list(_SETTING), dropna=False, sort=False):
        place = dict(zip(_SETTING, setting, strict=True))
        shared = {key: level[key].iloc[0] for key in SHARED}
        for rival, scores in curves.values():
            if len(scores) > 1 and _comparable(rival, place, along):
                strength = {"reference": rival["label"], "reference_strength": rival["strength"]}
                yield {**place, **shared, **strength, **_rate(scores, level)}


def _comparable(rival: pd.Series, place: dict[str, Any], along: str) -> bool:
    """Return whether a curve of the reference has what a setting has, but for what is exchanged."""
    same_size = along == "train_size" or rival["train_size"] == place["train_size"]
    unaugmented = rival["strength"] == 0 or place["strength"] == 0
    return same_size and (along == "copies" or unaugmented or rival["copies"] == place["copies"])


def _rate(scores: pd.DataFrame, level: pd.DataFrame) -> dict[str, Any]:
    amount = float(level["amount"].mean())
    target = level.groupby("seed")["reached"].mean().reindex(scores.columns)
    images = level["test_size"].max() if "test_size" in level else math.nan
    least = LEAST_ERROR if math.isnan(images) else 0.5 / (images + 1)
    error = SCORES[level["score"].iloc[0]].error
    met = crossing(scores.index.to_numpy(float), error(scores.to_numpy(float)), error(target.to_numpy(float)), least)
    return {
        "amount": amount,
        "reached": float(target.mean()),
        "score": level["score"].iloc[0],
        "rate": met.x / amount,
        "low": met.low / amount,
        "high": met.high / amount,
        "least": met.least / amount,
        "most": met.most / amount,
        "n": met.n,
    }
