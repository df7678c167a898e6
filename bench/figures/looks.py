"""One colour and one marker per family, the same in every figure, told apart by people who see colours differently.

The colours are those of Okabe & Ito (2008), but for the yellow, which is too pale for a line on white; the ones that
follow are of Paul Tol's "muted" scheme. The markers alone tell every family apart as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.colors import to_hex, to_rgb

BLACK = "#000000"
FAMILIES = {
    "cnn": (BLACK, "o"),
    "z2cnn": ("#882255", "p"),
    "gcnn": ("#0072B2", "s"),
    "p4cnn": ("#56B4E9", "X"),
    "steerable": ("#D55E00", "^"),
    "e2cnn": ("#E69F00", "D"),
    "hnet": ("#009E73", "v"),
    "et": ("#CC79A7", "P"),
}
FOLLOWING = (("#332288", "<"), ("#999933", ">"), ("#44AA99", "h"), ("#7F7F7F", "d"), ("#AA4499", "*"), ("#117733", "8"))

# towards white (+) or black (-), so that labels of one family are shades of one colour
SHADES = (0.0, 0.4, -0.45)


@dataclass(frozen=True)
class Look:
    """How a label is drawn: the colour of its lines and intervals, its marker, and whether it is filled."""

    colour: str
    marker: str
    filled: bool

    def keywords(self) -> dict[str, Any]:
        """Return the properties of a line with markers."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "markeredgecolor": self.colour,
            "markerfacecolor": self.colour if self.filled else "white",
        }


def looks(runs: pd.DataFrame) -> dict[str, Look]:
    """Return the look of every label of the runs, in the order of the legend; the order of the rows does not matter.

    A family without a place of its own takes the next of the following colours, by name.
    """
    labels = runs[["label", "family"]].drop_duplicates("label")
    members: dict[str, list[str]] = {}
    for label, family in sorted(zip(labels["label"], labels["family"], strict=True), key=lambda pair: natural(pair[0])):
        members.setdefault(family, []).append(label)
    look_of = {}
    for family, (colour, marker) in _bases(members).items():
        for i, label in enumerate(members[family]):
            # cycles of three and of two, so that six labels of a family all differ
            look_of[label] = Look(_shaded(colour, SHADES[i % 3]), marker, filled=i % 2 == 0)
    return look_of


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Return a key that sorts C4 before C16."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"([0-9]+)", text)]


def _bases(families: Iterable[str]) -> dict[str, tuple[str, str]]:
    unknown = sorted(set(families) - FAMILIES.keys())
    following = {family: FOLLOWING[i % len(FOLLOWING)] for i, family in enumerate(unknown)}
    return {family: base for family, base in {**FAMILIES, **following}.items() if family in set(families)}


def _shaded(colour: str, shade: float) -> str:
    if shade < 0 and colour == BLACK:
        shade = 0.65  # there is no darker black: a paler grey than the other
    end = 1.0 if shade > 0 else 0.0
    red, green, blue = (part + abs(shade) * (end - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))
