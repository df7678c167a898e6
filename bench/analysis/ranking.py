"""Who is best in every setting, and who cannot be told from the best."""

from __future__ import annotations

import pandas as pd

from bench.analysis.differences import SETTING
from bench.analysis.summary import done, interval, summarise

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

    ``tied`` is true of the label with the best mean and of those whose paired difference from it, over the shared
    seeds, has a 95 % interval that reaches zero. A label with fewer than two seeds in common with the best has no
    interval, and is not called tied.
    """
    cells = done(runs).dropna(subset=[value])
    table = summarise(cells, [*SETTING, "label"], value)
    if table.empty:
        return table.assign(gap=pd.Series(dtype=float), tied=pd.Series(dtype=bool))
    sign = 1 if BETTER[value] else -1
    marked = []
    for setting, rows in table.groupby(list(SETTING), sort=False):
        here = cells[(cells[list(SETTING)] == list(setting)).all(axis=1)]
        scores = here.pivot_table(index="seed", columns="label", values=value)
        best = rows["label"].iloc[int((sign * rows["mean"]).argmax())]
        gaps = [interval(sign * (scores[best] - scores[label]).dropna()) for label in rows["label"]]
        tied = [label == best or gap.low <= 0 for label, gap in zip(rows["label"], gaps, strict=True)]
        marked.append(rows.assign(gap=[gap.mean for gap in gaps], tied=tied))
    return pd.concat(marked, ignore_index=True)
