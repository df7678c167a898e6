"""Every number that a person can write, at its extremes: taken, or refused in one sentence that names its place."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.errors import UserError
from bench.execute.job import run_cell
from bench.plan.matrix import Plan, make
from bench.registry import datasets, families, measurements
from bench.suite import parse

LARGE = (2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**40, 1e308)
EXTREMES: tuple[Any, ...] = (math.inf, -math.inf, math.nan, 0, -1, -0.0, 1e-308, 1.5, 10**5, *LARGE, "", True, None)

SUITE: dict[str, Any] = {
    "name": "extremes",
    "data": {"name": "digits", "size": 16, "train_sizes": [20]},
    "augmentation": {"strengths": [1]},
    "families": [{"family": "cnn", "width": 1, "channels": [1], "pool_after": []}],
    "budget": {"steps": 2, "batch_size": 4, "evaluations": 1},
    "seeds": 1,
    "measure": {"equivariance": {"angles": [90], "samples": 4}},
}


def planned(raw: dict[str, Any]) -> Plan | None:
    """Return the plan of a suite, None where it is refused as it should be."""
    try:
        return make(parse(raw, "s.yaml"), set(), "s.yaml")
    except UserError as error:
        told = str(error)
    assert told.startswith("s.yaml: ")
    assert "\n" not in told
    return None


OPTIONS = [
    *(("families", entry.name, name) for entry in families for name in entry.options.model_fields),
    *(("data", "digits", name) for name in datasets["digits"].options.model_fields),
    *(("measure", entry.name, name) for entry in measurements for name in entry.options.model_fields),
]


@pytest.mark.parametrize(("part", "name", "option"), OPTIONS)
def test_options_of_everything_that_is_registered(part: str, name: str, option: str) -> None:
    for value in (*EXTREMES, *([value] for value in EXTREMES)):
        asked = {option: value}
        changed: dict[str, Any] = {
            "families": {"families": [{"family": name, "width": 1, **asked}]},
            "data": {"data": {**SUITE["data"], **asked}},
            "measure": {"measure": {name: asked}},
        }
        planned({**SUITE, **changed[part]})


KEYS = [
    *(("budget", key) for key in ("steps", "batch_size", "lr", "weight_decay", "evaluations")),
    *(("budget", key) for key in ("decay_from", "decays", "decay_factor")),
    *(("measure", key) for key in ("transforms", "test_images", "target_score")),
    ("data", "train_sizes"),
    *(("augmentation", key) for key in ("strengths", "copies")),
    *(("", key) for key in ("seeds", "width", "match", "epochs")),
]


def changed(part: str, key: str, value: Any) -> dict[str, Any]:
    if part:
        return {**SUITE, part: {**SUITE[part], key: value}}
    special = {
        "seeds": {"seeds": value},
        "width": {"families": [{**SUITE["families"][0], "width": value}]},
        "match": {"families": [{"family": "cnn"}], "match": {"target": value}},
        "epochs": {"budget": {"epochs": value, "batch_size": 4}},
    }
    return {**SUITE, **special[key]}


#: What takes long or much, by design, where it is large: planned, not run.
LONG = {"steps", "epochs", "seeds", "transforms", "evaluations", "batch_size", "copies", "width", "match"}


@pytest.mark.parametrize(("part", "key"), KEYS)
def test_keys_of_a_suite(part: str, key: str) -> None:
    """What is taken is also run: a cell ends as done, or diverged where the number asks for that."""
    for value in (*EXTREMES, *([value] for value in EXTREMES)):
        plan = planned(changed(part, key, value))
        large = isinstance(value if not isinstance(value, list) else value[0], (int, float)) and key in LONG
        if plan is None or not plan.todo or (large and (value[0] if isinstance(value, list) else value) > 1.5):
            continue
        run = run_cell(plan.todo[0], "cpu", "exclusive").run
        assert run["status"] in ("done", "diverged"), (value, run["reason"])


@pytest.mark.parametrize("copies", [10_001, 10**7])
def test_copies_that_no_memory_holds_are_refused(copies: int) -> None:
    assert planned(changed("augmentation", "copies", copies)) is None


def test_copies_are_held_against_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    class Little:
        available = 2**20

    monkeypatch.setattr("bench.plan.matrix.psutil.virtual_memory", lambda: Little)
    assert planned(changed("augmentation", "copies", 5)) is not None
    with pytest.raises(UserError, match=r"copies: 9,000 copies of 20 images take 0\.2 GiB, and 0\.0 GiB of memory"):
        make(parse(changed("augmentation", "copies", 9000), "s.yaml"), set(), "s.yaml")
