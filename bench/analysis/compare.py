"""Two results folders, cell by cell: what improved, what regressed, what is only in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.differences import SETTING, SIGNIFICANT, holm, p_value
from bench.analysis.summary import each, interval
from bench.results.tables import Tables
from bench.scores import Score, reading

CELL = [*SETTING, "label", "seed"]

#: Ends of a cell that are the network's or the code's doing; the others are the machine's.
_OWN = ("diverged", "failed")


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    ``labels`` has one row per label and ``settings`` one per setting of it: ``change`` (positive is better), its
    interval over ``n`` seeds, the number of ``cells``, ``p_holm``, and ``verdict``: ``improved``, ``regressed``,
    ``equal`` or ``unclear``. ``only_a`` and ``only_b`` are the cells that are done in one alone, with how they ended in
    the other, if they are there; ``lost`` are those of ``only_a`` that diverged or failed in B.
    """

    value: str
    labels: pd.DataFrame
    settings: pd.DataFrame
    only_a: pd.DataFrame
    only_b: pd.DataFrame
    lost: pd.DataFrame

    @property
    def regressed(self) -> bool:
        """Whether anything became worse than the tolerance allows."""
        return len(self.lost) > 0 or any("regressed" in set(rows["verdict"]) for rows in (self.labels, self.settings))


def compare(a: Tables, b: Tables, value: str, tolerance: float) -> Comparison:
    """Compare ``value`` of the cells that are done in both, paired cell by cell.

    A change is in points where ``value`` is a share, and elsewhere relative: the difference over the mean of the
    two, from -200 to 200 %, so that values of zero are compared too.
    The settings of one seed share its images and its weights, so that their changes depend on one another: a label's
    change is the mean over its settings within each seed, and its test is over seeds. It is called where a paired
    t-test, Holm-corrected over the rows of its kind, says that it lies beyond ``tolerance``; a change of bytes or
    seconds that is the same for all seeds is certain. ValueError where nothing is done in both, or where a folder has
    two cells with all their axes in common.
    """
    cells = _joined(a.runs, b.runs, value)
    both = cells.dropna(subset=["value_a", "value_b"])
    if both.empty:
        raise ValueError(f"no cell has a {value} in both")
    changes = [_change(rows, reading(value, str(score))) for score, rows in both.groupby("score")]
    both = both.assign(change=pd.concat(changes))
    in_a, in_b = cells["value_a"].notna(), cells["value_b"].notna()
    only_a, only_b = cells[in_a & ~in_b], cells[in_b & ~in_a]
    return Comparison(
        value,
        _changes(both, ["label"], value, tolerance),
        _changes(both, ["label", *SETTING], value, tolerance),
        only_a,
        only_b,
        only_a[only_a["status_b"].isin(_OWN)],
    )


def sentences(comparison: Comparison) -> Iterator[str]:
    """Yield a comparison as lines for a terminal."""
    compared = int(comparison.labels["cells"].sum())
    yield f"{comparison.value} of {compared} cells that are done in both, B against A; positive is better"
    for row in each(comparison.labels):
        yield f"  {row.verdict:9}  {row.label}, {row.cells} cells of {row.n} seeds: {_text(row, comparison.value)}"
    for row in each(comparison.settings[comparison.settings["verdict"].isin(["improved", "regressed"])]):
        setting = f"strength {row.strength:g}, {row.train_size:,} examples"
        yield f"  {row.verdict:9}  {row.label}, {setting}: {_text(row, comparison.value)}"
    unclear = int((comparison.settings["verdict"] == "unclear").sum())
    if unclear:
        yield f"  {unclear} of {len(comparison.settings)} settings changed by no more than tolerance and chance allow"
    for side, other, rows in (("A", "b", comparison.only_a), ("B", "a", comparison.only_b)):
        if len(rows):
            ends = rows[f"status_{other}"].fillna("absent").value_counts()
            there = ", ".join(f"{count} {status}" for status, count in ends.items())
            yield f"  done only in {side}: {len(rows)} cells (in the other: {there})"
    for row in each(comparison.lost):
        setting = f"strength {row.strength:g}, {row.train_size:,} examples, seed {row.seed}"
        yield f"  lost       {row.label}, {setting}: {row.status_b} in B, {row.reason_b}"


def _joined(a: pd.DataFrame, b: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return one row per cell of either: its value in both where it is done, and how it ended."""
    sides = []
    for side, runs in (("a", a), ("b", b)):
        values = runs.assign(**{f"value_{side}": runs[value].where(runs["status"] == "done")})
        values = values.rename(columns={"status": f"status_{side}", "reason": f"reason_{side}"})
        kept = values[[*CELL, "score", f"value_{side}", f"status_{side}", f"reason_{side}"]].set_index([*CELL, "score"])
        if not kept.index.is_unique:
            twin = dict(zip([*CELL, "score"], kept.index[kept.index.duplicated()][0], strict=True))
            raise ValueError(f"two cells of {side.upper()} have all their axes in common: {twin}")
        sides.append(kept)
    return sides[0].join(sides[1], how="outer").reset_index()


def _change(rows: pd.DataFrame, read: Score) -> pd.Series:
    """Return what changed, positive where it became better; NaN nowhere, as neither side is missing."""
    before, after = rows["value_a"], rows["value_b"]
    if read.is_share:
        return read.sign * (after - before)
    a, b = before.to_numpy(float), after.to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        # zeros and infinities on one side are as far from the other as can be
        relative = np.where(np.isinf(a) | np.isinf(b), 2 * np.sign(b - a), 2 * (b - a) / (a + b))
    return pd.Series(read.sign * np.where(a == b, 0.0, relative), index=before.index)


def _changes(cells: pd.DataFrame, by: list[str], value: str, tolerance: float) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for key, part in cells.groupby(by):
        change = part.groupby("seed")["change"].mean()
        over_seeds = interval(change)
        beyond = abs(over_seeds.mean) - tolerance
        # tested against the nearer end of what is tolerated
        p = p_value(change - np.sign(over_seeds.mean) * tolerance) if beyond > 0 else 1.0
        is_share = all(reading(value, score).is_share for score in part["score"].unique())
        if beyond > 0 and over_seeds.n > 1 and change.nunique() == 1 and not is_share:
            p = 0.0
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "change": over_seeds.mean,
                "low": over_seeds.low,
                "high": over_seeds.high,
            }
        )
        rows[-1] |= {"cells": len(part), "n": over_seeds.n, "p": p, "is_share": is_share}
        rows[-1]["equal"] = bool((part["change"] == 0).all())
    table = pd.DataFrame(rows, columns=[*by, "change", "low", "high", "cells", "n", "p", "equal", "is_share"])
    p_holm = holm(table.pop("p").to_numpy(float))
    words = np.where(table["change"] > 0, "improved", "regressed")
    verdict = np.where(p_holm < SIGNIFICANT, words, np.where(table.pop("equal"), "equal", "unclear"))
    return table.assign(p_holm=p_holm, verdict=verdict)


def _text(row: Any, value: str) -> str:
    unit = "points" if row.is_share else "%"
    sure = "" if row.n < 2 else f" (95 % interval {100 * row.low:+.2f} to {100 * row.high:+.2f}, p = {row.p_holm:.2g})"
    return f"{100 * row.change:+.2f} {unit}{sure}"
