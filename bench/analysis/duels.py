"""The best plain network against the best equivariant one, each with its best augmentation, by training-set size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.differences import SIGNIFICANT, holm, p_value
from bench.analysis.failures import counted, lacking
from bench.analysis.summary import interval

PART = ["dataset", "augmentation_group"]
CHOICE = ["label", "strength", "copies"]

#: What is compared, and the validation score by which each side chooses its network and its augmentation for it.
CHOSEN_BY = {
    "transformed_accuracy": "transformed_validation_accuracy",
    "test_accuracy": "upright_validation_accuracy",
}

_DIFFERENCE = ["difference", "low", "high", "n", "p", "lacking"]
_SIDE = [*CHOICE, "mean", "low", "high"]
_COLUMNS = [*PART, "train_size", *(f"{side}_{key}" for side in ("plain", "equivariant") for key in _SIDE), *_DIFFERENCE]


def duels(runs: pd.DataFrame, value: str = "transformed_accuracy") -> pd.DataFrame:
    """Return one row per data set, augmentation group and training-set size that has both kinds of networks.

    Both sides are chosen on validation data: the test scores that are compared did not choose. ``difference`` is the
    equivariant's score minus the plain one's, paired over shared seeds, with its 95 % t-interval, ``p_holm`` corrected
    over all rows and those of `overall`; ``winner`` is ``equivariant``, ``plain``, or empty where the difference may be
    chance. A cell that diverged scores chance; where trainings of a side failed otherwise, ``lacking`` names it, and
    nobody wins. Cells without the validation score that would choose are left out.
    """
    return _tables(runs, value)[0]


def overall(runs: pd.DataFrame, value: str = "transformed_accuracy") -> pd.DataFrame:
    """Return one row per data set and augmentation group: the difference of `duels`, averaged over training-set sizes.

    The mean over sizes is taken within each seed, so that its interval is over seeds. Seeds that lack a size are out.
    Where there is one size, its row is that of `duels`; elsewhere the mean is one more test among theirs.
    """
    return _tables(runs, value)[1]


def _tables(runs: pd.DataFrame, value: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tests of the sizes and of their means, all of them corrected together."""
    sizes: list[dict[str, Any]] = []
    parts: dict[tuple[str, ...], list[tuple[pd.Series, str]]] = {}
    for part, plain, equivariant in _pairs(runs, value):
        sides = {"plain": plain, "equivariant": equivariant}
        told = {f"{side}_{key}": found for side, cells in sides.items() for key, found in _told(cells, value).items()}
        difference, without = _difference(plain, equivariant, value), _lacking(runs, part, plain, equivariant)
        sizes.append({**part, **told, **_test(difference), "lacking": without})
        parts.setdefault(tuple(part[key] for key in PART), []).append((difference, without))
    means: list[dict[str, Any]] = []
    for key, rows in parts.items():
        mean = pd.concat([difference for difference, _ in rows], axis=1).dropna().mean(axis=1)
        without = next((label for _, label in rows if label), "")
        means.append({**dict(zip(PART, key, strict=True)), **_test(mean), "lacking": without})
    several = [len(rows) > 1 for rows in parts.values()]
    p = [row["p"] for row in sizes] + [row["p"] for row, counts in zip(means, several, strict=True) if counts]
    p_holm = holm(np.array(p, float))
    of_sizes, rest = p_holm[: len(sizes)], iter(p_holm[len(sizes) :])
    alone = {tuple(row[key] for key in PART): each for row, each in zip(sizes, of_sizes, strict=True)}
    of_means = [next(rest) if counts else alone[key] for key, counts in zip(parts, several, strict=True)]
    return (
        _judged(pd.DataFrame(sizes, columns=_COLUMNS), of_sizes),
        _judged(pd.DataFrame(means, columns=[*PART, *_DIFFERENCE]), np.array(of_means, float)),
    )


def is_plain(runs: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows are of networks that promise no symmetry."""
    return runs["group"] == "C1"


def _pairs(runs: pd.DataFrame, value: str) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
    """Yield a part of the table and the cells of its best plain and of its best equivariant network."""
    cells = counted(runs).dropna(subset=[value, CHOSEN_BY[value]])
    for key, part in cells.groupby([*PART, "train_size"]):
        plain = is_plain(part)
        if plain.any() and not plain.all():
            told = dict(zip([*PART, "train_size"], key, strict=True))
            yield told, _best(part[plain], value), _best(part[~plain], value)


def _best(cells: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the cells of the label and augmentation with the best mean validation score."""
    means = cells.groupby(CHOICE)[CHOSEN_BY[value]].mean()
    return cells.set_index(CHOICE).loc[[means.idxmax()]].reset_index()


def _lacking(runs: pd.DataFrame, part: dict[str, Any], *sides: pd.DataFrame) -> str:
    """Return the label of the first side of which trainings have no score that counts, or nothing."""
    without = lacking(runs)
    for cells in sides:
        at = {**part, **{key: cells[key].iloc[0] for key in CHOICE}}
        if (without[list(at)] == pd.Series(at)).all(axis=1).any():
            return str(at["label"])
    return ""


def _difference(plain: pd.DataFrame, equivariant: pd.DataFrame, value: str) -> pd.Series:
    return (equivariant.set_index("seed")[value] - plain.set_index("seed")[value]).dropna()


def _test(difference: pd.Series) -> dict[str, Any]:
    found = interval(difference)
    told = found.mean, found.low, found.high, found.n, p_value(difference)
    return dict(zip(_DIFFERENCE[:-1], told, strict=True))


def _told(cells: pd.DataFrame, value: str) -> dict[str, Any]:
    found = interval(cells[value])
    score = {"mean": found.mean, "low": found.low, "high": found.high}
    return {key: cells[key].iloc[0] for key in CHOICE} | score


def _judged(table: pd.DataFrame, p_holm: np.ndarray) -> pd.DataFrame:
    winner = np.where(table["difference"] > 0, "equivariant", "plain")
    is_sure = (p_holm < SIGNIFICANT) & (table["lacking"] == "")
    return table.drop(columns="p").assign(p_holm=p_holm, winner=np.where(is_sure, winner, ""))
