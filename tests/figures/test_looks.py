"""Colours and markers of labels."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures.looks import FAMILIES, looks


def test_families_differ_in_colour_and_in_marker() -> None:
    names = [*FAMILIES, "mine", "yours"]
    found = looks(pd.DataFrame({"label": names, "family": names}))
    assert len({look.colour for look in found.values()}) == len({look.marker for look in found.values()}) == len(names)


@pytest.mark.parametrize("family", ["cnn", "steerable", "mine"])
def test_six_labels_of_a_family_share_its_marker_and_differ(family: str) -> None:
    labels = [f"{family} C{n}" for n in (2, 4, 6, 8, 12, 16)]
    found = looks(pd.DataFrame({"label": labels, "family": family}))
    assert list(found) == labels
    assert len({look.marker for look in found.values()}) == 1
    assert len({(look.colour, look.filled) for look in found.values()}) == 6


@given(st.permutations([("a", "mine"), ("b", "yours"), ("cnn", "cnn"), ("c", "mine")]))
def test_looks_do_not_depend_on_the_order_of_rows(rows: list[tuple[str, str]]) -> None:
    assert looks(pd.DataFrame(rows, columns=["label", "family"])) == looks(
        pd.DataFrame(sorted(rows), columns=["label", "family"])
    )
