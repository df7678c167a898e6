"""Whether anything was learned: scores against what the best constant answer, such as the largest class, would give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import bdtrc, fdtr

from bench.analysis.differences import SIGNIFICANT, holm
from bench.analysis.summary import done
from bench.scores import SCORES


def beats_chance(runs: pd.DataFrame) -> pd.Series[float]:
    """Return for every cell that is done the p-value of being no better, upright, than the best constant answer.

    Of shares the exact binomial test of the right answers among ``test_size`` against ``chance_score``; of a root mean
    square error that of the ratio of mean squares to those of the best constant answer, as if residuals were normal.
    Corrected by Holm's procedure over the cells. Cells of early tables, which do not tell the size of the test, are
    left out.
    """
    cells = done(runs).dropna(subset=["test_score", "test_size", "chance_score"])
    is_share = cells["score"].map(lambda name: SCORES[name].is_share).astype(bool)
    p = pd.concat([_of_shares(cells[is_share]), _of_errors(cells[~is_share])])[cells.index]
    return pd.Series(holm(p.to_numpy(float)), index=cells.index)


def _of_shares(cells: pd.DataFrame) -> pd.Series:
    right = (cells["test_score"] * cells["test_size"]).round()
    p = np.where(right > 0, bdtrc(right - 1, cells["test_size"].astype(int), cells["chance_score"]), 1.0)
    return pd.Series(p, index=cells.index)


def _of_errors(cells: pd.DataFrame) -> pd.Series:
    ratio = (cells["test_score"] / cells["chance_score"]) ** 2
    p = fdtr(cells["test_size"], cells["test_size"], ratio)
    return pd.Series(p, index=cells.index)


def nothing_learned(runs: pd.DataFrame) -> str | None:
    """Return the sentence that no cell of ``runs`` beats chance, None where one does or where it cannot be told."""
    p_holm = beats_chance(runs)
    if p_holm.empty or (p_holm < SIGNIFICANT).any():
        return None
    cells = runs.loc[p_holm.index]
    read = SCORES[cells["score"].iloc[0]]
    best = cells.loc[(read.sign * cells["test_score"]).idxmax()]
    several = "none of the networks" if len(cells) > 1 else "the network"
    return (
        f"nothing was learned: {several} is surely better than the best constant answer, whose {read.label} on the "
        f"{best['test_size']:,.0f} test inputs is {read.text(best['chance_score'])} (the best has "
        f"{read.text(best['test_score'])}, p = {p_holm.min():.2g} after Holm's correction). Train longer, "
        "on more or on larger inputs, or look whether the targets are right"
    )
