"""A suite with changes, and what becomes of it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from bench.cell import Cell, Match
from bench.errors import UserError
from bench.suite import FamilyChoice, cells, data_choices, parse

BASE: dict[str, Any] = {
    "name": "base",
    "data": {"name": "digits", "size": 16, "train_sizes": [100, 300]},
    "augmentation": {"group": "SO(2)", "strengths": [0, 1]},
    "families": [{"family": "cnn", "width": 2}, {"family": "gcnn", "group": ["C4", "D4"], "width": 2}],
    "budget": {"steps": 10},
    "seeds": 2,
}
COMMITTED = sorted((Path(__file__).parents[2] / "suites").glob("*.yaml"))


def changed(**changes: Any) -> dict[str, Any]:
    """``BASE`` with the values at dotted paths, ``__`` for the dot."""
    raw: Any = copy.deepcopy(BASE)
    for path, value in changes.items():
        *parts, last = path.split("__")
        target = raw
        for part in parts:
            target = target[int(part) if part.isdecimal() else part]
        target[int(last) if last.isdecimal() else last] = value
    return raw


def as_written(choice: FamilyChoice) -> Match | None:
    """The size to match, where it is a number."""
    return choice.match and Match(by=choice.match.by, target=choice.match.target)


def expanded(raw: dict[str, Any]) -> list[Cell]:
    suite = parse(raw)
    return [cell for data in data_choices(suite) for _, cell in cells(suite, data, "0", as_written)]


def message(raw: Any, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        parse(raw, "s.yaml", overrides)
    return str(caught.value)
