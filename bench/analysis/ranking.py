"""Who is best in every setting, and who may be."""

from __future__ import annotations

import pandas as pd

from bench.analysis.best import may_be_best
from bench.analysis.differences import SETTING
from bench.analysis.failures import counted
from bench.analysis.summary import summarise
from bench.scores import reading


def ranking(runs: pd.DataFrame, value: str = "transformed_score") -> pd.DataFrame:
    """Return the summary of every label in every setting, with ``gap`` to the best and ``tied``.

    ``tied`` is true of the labels that may be the best of the setting (`bench.analysis.best`), over the seeds that all
    of them share; of none where those are fewer than three. A cell that diverged scores chance.
    """
    cells = counted(runs).dropna(subset=[value])
    table = summarise(cells, [*SETTING, "label"], value)
    if table.empty:
        return table.assign(gap=pd.Series(dtype=float), tied=pd.Series(dtype=bool), score=pd.Series(dtype=str))
    marked = []
    for setting, rows in table.groupby(list(SETTING), sort=False):
        here = cells[(cells[list(SETTING)] == list(setting)).all(axis=1)]
        score = here["score"].iloc[0]
        read = reading(value, score)
        values = here.pivot_table(index="seed", columns="label", values=value)[rows["label"].to_list()]
        best = rows["label"].iloc[int((read.sign * rows["mean"]).argmax())]
        gaps = (read.sign * (values[best] - values.T)).T.mean()
        tied = may_be_best(read.scaled(values.dropna().to_numpy(float)))
        marked.append(rows.assign(gap=gaps.to_numpy(), tied=tied, score=score))
    return pd.concat(marked, ignore_index=True)
