"""Who is best in every setting, and who may be."""

from __future__ import annotations

import pandas as pd

from bench.analysis.best import may_be_best
from bench.analysis.differences import SETTING
from bench.analysis.failures import counted
from bench.analysis.summary import summarise

#: What is measured, and whether more of it is better.
BETTER: dict[str, bool] = {
    "test_accuracy": True,
    "transformed_accuracy": True,
    "exact_accuracy": True,
    "resampled_accuracy": True,
    "validation_accuracy": True,
    "upright_validation_accuracy": True,
    "transformed_validation_accuracy": True,
    "invariance_rate": True,
    "test_nll": False,
    "transformed_nll": False,
    "equivariance_error_mean": False,
    "equivariance_error_max": False,
    "train_seconds": False,
    "build_seconds": False,
    "total_seconds": False,
    "images_per_second": True,
    "peak_memory_bytes": False,
}


def is_share(value: str) -> bool:
    """Return whether a column holds shares, which people read in percent."""
    return value.endswith(("accuracy", "invariance_rate"))


def ranking(runs: pd.DataFrame, value: str = "transformed_accuracy") -> pd.DataFrame:
    """Return the summary of every label in every setting, with ``gap`` to the best and ``tied``.

    ``tied`` is true of the labels that may be the best of the setting (`bench.analysis.best`), over the seeds that all
    of them share; of none where those are fewer than three. A cell that diverged scores chance.
    """
    cells = counted(runs).dropna(subset=[value])
    table = summarise(cells, [*SETTING, "label"], value)
    if table.empty:
        return table.assign(gap=pd.Series(dtype=float), tied=pd.Series(dtype=bool))
    sign = 1 if BETTER[value] else -1
    marked = []
    for setting, rows in table.groupby(list(SETTING), sort=False):
        here = cells[(cells[list(SETTING)] == list(setting)).all(axis=1)]
        scores = here.pivot_table(index="seed", columns="label", values=value)[rows["label"].to_list()]
        gaps = (sign * (scores[rows["label"].iloc[int((sign * rows["mean"]).argmax())]] - scores.T)).T.mean()
        tied = may_be_best(sign * scores.dropna().to_numpy(float))
        marked.append(rows.assign(gap=gaps.to_numpy(), tied=tied))
    return pd.concat(marked, ignore_index=True)
