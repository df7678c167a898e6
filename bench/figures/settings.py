"""What may share a figure: the cells of one suite, data set, augmentation group and kind of copies.

A mean over cells that differ in anything but the seed would be a mean of nothing, so that tables are split before they
are drawn, and a figure is refused where its cells cannot be told apart.
"""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd

from bench.analysis.summary import done
from bench.results.tables import Tables
from bench.scores import SCORES, Score, examples

SETTING = ["suite", "dataset", "augmentation_group"]
CELL = [*SETTING, "copies", "label", "train_size", "strength", "seed"]

#: What a figure of transformed scores says about the augmentation group.
TRANSFORMED = "test inputs moved by random elements of"


def split(tables: Tables) -> dict[str, Tables]:
    """Return the tables of every setting, by a name that is safe in a file name and has only the parts that differ.

    Cells without augmentation have no copies, and belong to every kind of copies.
    """
    if tables.runs.empty:
        return {"": tables}
    tables_of = {}
    for key, rows in tables.runs.groupby(SETTING):
        for copies in sorted(_copies(rows)) or [0]:
            parts = (*map(str, key), f"{copies} copies" if copies else "online")
            tables_of[parts] = Tables(*(_of(frame, parts, copies) for frame in vars(tables).values()))
    differing = [i for i, values in enumerate(zip(*tables_of, strict=True)) if len(set(values)) > 1]
    return {"-".join(_safe(parts[i]) for i in differing): part for parts, part in tables_of.items()}


def obstacle(tables: Tables) -> str | None:
    """Return why nothing at all can be drawn of the tables, or None."""
    runs = tables.runs
    if runs.empty:
        return "there are no runs"
    if done(runs).empty:
        return f"none of {len(runs)} cells is done"
    if len(split(tables)) > 1:
        return f"the tables hold several settings ({', '.join(split(tables))}); one figure shows one"
    twins = int(runs.duplicated(CELL, keep=False).sum())
    if twins:
        return f"{twins} cells have all their axes ({', '.join(CELL)}) in common with another cell"
    return None


def of_done(frame: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``frame`` whose cell is done."""
    return frame if frame.empty else frame.loc[frame["cell_id"].isin(done(runs)["cell_id"])]


def extremes(runs: pd.DataFrame) -> list[float]:
    """Return the strengths of a comparison: none, where there is one without augmentation, and the strongest one."""
    strengths = done(runs)["strength"]
    return sorted({strength for strength in strengths if strength == 0} | {strengths.max()})


def note(
    tables: Tables, about: str, seeds: pd.Series[int], *remarks: str, shown: str = "means and 95 % t-intervals"
) -> str:
    """Return the line below a figure: data, group, what is ``shown`` over seeds, and what is missing.

    ``about`` says what the group is for, in words that its name completes; ``seeds`` is how many each point has.
    """
    runs = tables.runs
    first = runs.iloc[0]
    least, most = int(seeds.min()), int(seeds.max())
    over = f"{most} seed{'s' * (most > 1)}" if least == most else f"{least} to {most} seeds"
    intervals = f"{shown} over {over}" if most > 1 else "one seed, no intervals"
    copies = int(runs["copies"].max())
    parts = [
        f"{first['dataset']}: {about} {first['augmentation_group']}" + (f" ({copies} fixed copies)" if copies else ""),
        intervals,
    ]
    missing = Counter(status for status in runs["status"] if status != "done")
    if missing:
        count = missing.total()
        kinds = ", ".join(f"{number} {status}" for status, number in sorted(missing.items()))
        parts.append(f"{count} cell{'s' * (count > 1)} not done ({kinds})")
    return "; ".join([*parts, *remarks]) + "."


def score_of(tables: Tables) -> Score:
    """Return how the scores of a figure are read: its cells are of one data set."""
    return SCORES[tables.runs["score"].iloc[0]]


def examples_of(tables: Tables) -> str:
    """Return what the inputs of a figure are called."""
    return examples(tables.runs["domain"].iloc[0])


def within_bounds(points: pd.DataFrame, score: Score) -> tuple[pd.DataFrame, list[str]]:
    """Return points with intervals cut to where a mean can be and an axis can show it, and what a note says."""
    if not score.is_share:
        # a logarithmic axis has no zero: an interval that reaches it has no lower half
        return points.assign(low=points["low"].where(points["low"] > 0, points["mean"])), reaching_zero(points)
    cut = (points["low"] < 0) | (points["high"] > 1)
    bounded = points.assign(low=points["low"].clip(lower=0), high=points["high"].clip(upper=1))
    return bounded, ["intervals are cut at 0 and 100\N{NO-BREAK SPACE}%"] if cut.any() else []


def timing(runs: pd.DataFrame) -> list[str]:
    """Return what a note says about seconds: nothing, unless some were measured while the device was shared."""
    if not (done(runs)["timing"] == "shared").any():
        return []
    return ["timing shared: some cells did not have the device for themselves, so seconds are not comparable"]


def reaching_zero(points: pd.DataFrame, low: str = "low", high: str = "high") -> list[str]:
    """Return what a note says where a logarithmic axis cannot show the lower half of an interval."""
    reaches = (points[low] <= 0) & (points[high] > 0)
    return ["an interval without a lower half reaches zero"] if reaches.any() else []


def _copies(rows: pd.DataFrame) -> set[int]:
    return set(rows.loc[rows["strength"] > 0, "copies"])


def _of(frame: pd.DataFrame, parts: tuple[str, ...], copies: int) -> pd.DataFrame:
    if frame.empty:
        return frame
    chosen = (frame["copies"] == copies) | (frame["strength"] == 0)
    for column, value in zip(SETTING, parts, strict=False):
        chosen &= frame[column] == value
    rows: pd.DataFrame = frame.loc[chosen]
    return rows


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", name).strip("_")
