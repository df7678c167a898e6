"""Trainings that came to nothing: they count against the network, and are told with how often that may happen."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from scipy.stats import binomtest

from bench.analysis.summary import LEVEL, done
from bench.results.store import RETRIED

_SCORES = (
    "test_score",
    "transformed_score",
    "validation_score",
    "upright_validation_score",
    "transformed_validation_score",
)


def counted(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that are done, and those that diverged with the scores of chance.

    Left out, they would make a network that seldom trains look like one that trains well. Chance is the share of the
    largest class; where no cell of the data set tells it (tables of 0.1), diverged cells are left out and
    `lacking` counts them.
    """
    diverged = runs[(runs["status"] == "diverged") & _chance(runs).notna()]
    if diverged.empty:
        return done(runs)
    scored = diverged.assign(**dict.fromkeys(_SCORES, _chance(runs)[diverged.index]))
    return pd.concat([done(runs), scored]).sort_index()


def lacking(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that ended without a score that counts: not the network's doing, or at an unknown chance."""
    return runs[runs["status"].isin(RETRIED) | ((runs["status"] == "diverged") & _chance(runs).isna())]


def failures(runs: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for every network of which trainings came to nothing, with the exact interval of their share."""
    tried = runs[runs["status"] != "skipped"]
    for (_, _, label), cells in tried.groupby(["dataset", "augmentation_group", "label"], sort=False):
        diverged, failed = (int(cells["status"].isin(ends).sum()) for ends in (["diverged"], RETRIED))
        if not diverged + failed:
            continue
        parts = [f"{count} {end}" for count, end in ((diverged, "diverged"), (failed, "failed")) if count]
        low, high = share_interval(diverged + failed, len(cells))
        yield (
            f"Of the {len(cells)} trainings of {label}, {' and '.join(parts)} (a share of {100 * low:.0f} to "
            f"{100 * high:.0f} %, exact 95 % interval){'; what diverged scores chance' if diverged else ''}."
        )


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share (Clopper & Pearson 1934)."""
    interval = binomtest(count, total).proportion_ci(LEVEL, method="exact")
    return float(interval.low), float(interval.high)


def _chance(runs: pd.DataFrame) -> pd.Series:
    known = runs.groupby("dataset")["chance_score"].max() if len(runs) else pd.Series(dtype=float)
    return runs["dataset"].map(known)
