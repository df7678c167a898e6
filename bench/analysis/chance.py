"""Whether anything was learned: scores against what the largest class alone would give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import bdtrc

from bench.analysis.differences import SIGNIFICANT, holm
from bench.analysis.summary import done


def beats_chance(runs: pd.DataFrame) -> pd.Series[float]:
    """Return for every cell that is done the p-value of being no better on upright inputs than the largest class.

    The exact binomial test of the right answers among ``test_size`` against ``chance_accuracy``, corrected by Holm's
    procedure over the cells. Cells of early tables, which do not tell the size of the test, are left out.
    """
    cells = done(runs).dropna(subset=["test_accuracy", "test_size", "chance_accuracy"])
    right = (cells["test_accuracy"] * cells["test_size"]).round()
    p = np.where(right > 0, bdtrc(right - 1, cells["test_size"].astype(int), cells["chance_accuracy"]), 1.0)
    return pd.Series(holm(np.asarray(p, float)), index=cells.index)


def nothing_learned(runs: pd.DataFrame) -> str | None:
    """Return the sentence that no cell of ``runs`` beats chance, None where one does or where it cannot be told."""
    p_holm = beats_chance(runs)
    if p_holm.empty or (p_holm < SIGNIFICANT).any():
        return None
    cells = runs.loc[p_holm.index]
    best = cells.loc[cells["test_accuracy"].idxmax()]
    several = "none of the networks" if len(cells) > 1 else "the network"
    return (
        f"nothing was learned: {several} is surely better than the largest class alone, which is "
        f"{100 * best['chance_accuracy']:.1f} % of the {best['test_size']:,.0f} test images (the best has "
        f"{100 * best['test_accuracy']:.1f} % right, p = {p_holm.min():.2g} after Holm's correction). Train longer, "
        "on more or on larger images, or look whether the labels are right"
    )
