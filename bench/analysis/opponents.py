"""Whom an equivariant network is compared with: a plain network of its size, trained for as many steps."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

import pandas as pd

#: How far two sizes that were each matched within 3 % may lie apart.
NEAR = 1.07

#: How two networks are of one size: the column and the words.
SIZES = {"flops_per_example": "FLOPs", "parameters": "parameters"}


def is_plain(runs: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows are of networks that promise no symmetry."""
    return runs["group"] == "C1"


Sizes = dict[str, dict[str, float]]


def opponents(sizes: Sizes, label: str, plain: dict[str, float], brief: Set[str]) -> Iterator[tuple[str, str]]:
    """Yield in what a label's opponents are of its size, in words, and the opponent: of several the best in the choice.

    ``sizes`` are those of all labels (`sizes_of`), ``plain`` the plain labels with their scores in the choice,
    ``brief`` those of them that are another's network trained for fewer steps. Without one of its size, the best of all
    is the opponent, "at other sizes". Only networks of as many steps are compared; where there are none, each plain
    network as it was trained longest.
    """
    steps = [rival for rival in plain if sizes["steps"][rival] == sizes["steps"][label]]
    rivals = steps or [rival for rival in plain if rival not in brief]
    best: dict[str, list[str]] = {}
    for column, words in SIZES.items():
        near = [rival for rival in rivals if _near(sizes[column][rival], sizes[column][label])]
        if near:
            best.setdefault(max(near, key=plain.__getitem__), []).append(words)
    for rival, shared in best.items():
        yield f"equal {' and '.join(shared)}", rival
    if not best:
        yield "other sizes", max(rivals, key=plain.__getitem__)


def shorter(cells: pd.DataFrame) -> dict[str, str]:
    """Return the labels that are another label's network, trained for fewer steps, and that other label."""
    sizes = sizes_of(cells)
    alike: dict[tuple[Any, ...], list[str]] = {}
    for family, group, label in cells[["family", "group", "label"]].drop_duplicates().itertuples(index=False):
        alike.setdefault((family, group, *(sizes[column][label] for column in SIZES)), []).append(label)
    longest_of: dict[str, str] = {}
    for labels in alike.values():
        longest = max(labels, key=sizes["steps"].__getitem__)
        longest_of |= {label: longest for label in labels if sizes["steps"][label] < sizes["steps"][longest]}
    return longest_of


def sizes_of(cells: pd.DataFrame) -> Sizes:
    """Return the FLOPs, the parameters and the steps of every label: the most, as a cell that diverged ended early."""
    largest = cells.groupby("label")[[*SIZES, "steps"]].max()
    return {column: dict(zip(map(str, largest.index), largest[column], strict=True)) for column in (*SIZES, "steps")}


def _near(one: float, other: float) -> bool:
    return bool(max(one, other) <= NEAR * min(one, other))
