"""The schema of suite files, and the suites that are committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench.suite import Suite, family_choices, parse
from bench.suite.schema import suite_schema
from bench.suite.yamlfile import read
from tests.suite.suites import BASE, COMMITTED, changed, message


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = suite_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_suites_are_right_and_described(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    raw = read(path)
    validator.validate(raw)
    suite = parse(raw, str(path))
    assert suite.name == path.stem
    assert suite.description
    assert isinstance(suite, Suite)
    assert family_choices(suite)


@pytest.mark.parametrize(
    "raw",
    [
        BASE,
        changed(augmentation={"group": ["SO(2)", "O(2)"], "copies": ["online", 3]}),
        changed(augmentation={"resampling": ["spline", "bilinear"]}, data__crop=["disc", "none"]),
        changed(data__crop="disc"),
        changed(match={"by": ["parameters", "flops"], "target": 10}, seeds=[3, 4]),
        changed(families__0__budget={"lr": [0.1, 0.2], "epochs": 2}, match=None),
        changed(measure={"equivariance": None}),
        changed(families__0__budget=[{"lr": 0.1}, {"lr": 0.2}]),
    ],
)
def test_the_schema_accepts_what_is_right(raw: Any, validator: jsonschema.Draft202012Validator) -> None:
    parse(raw)
    validator.validate(raw)


@pytest.mark.parametrize(
    "raw",
    [
        changed(seed=1),
        changed(seeds=0),
        changed(families=[]),
        changed(families__0__witdh=3),
        changed(families__0__width=[]),
        changed(families__0__family="cnnn"),
        changed(families__0__group="C4"),
        changed(families__0__budget={"lrr": 3}),
        changed(data__train_sizes=[]),
        changed(data__size="small"),
        changed(augmentation__strengths=[2]),
        changed(augmentation__copies="off"),
        changed(augmentation__resampling="cubic"),
        changed(data__crop="circle"),
        changed(budget__steps=1.5),
        changed(budget__epochs=3),
        changed(budget={"lr": 0.1}),
        changed(families__0__width=1e5),
        changed(families__0__width=[2, 2]),
        changed(data__train_sizes=[9, 9]),
        changed(seeds=[1, 1]),
        changed(seeds=[-1]),
        changed(augmentation__strengths=[0, 0]),
        changed(match={"by": "parameters"}),
        changed(measure={"equivariance": {"angels": [45]}}),
    ],
)
def test_the_schema_refuses_what_is_wrong(raw: Any, validator: jsonschema.Draft202012Validator) -> None:
    assert message(raw)
    assert not validator.is_valid(raw)


def test_the_schema_describes_every_option_of_every_family() -> None:
    from bench.registry import datasets, families

    parts = suite_schema()["properties"]
    for entries, found, key in (
        (families, parts["families"]["items"]["oneOf"], "family"),
        (datasets, parts["data"]["oneOf"], "name"),
    ):
        branches = {branch["properties"][key]["const"]: branch for branch in found}
        assert set(branches) == {entry.name for entry in entries}
        for entry in entries:
            properties = branches[entry.name]["properties"]
            assert set(entry.options.model_fields) < set(properties)
            assert all("description" in properties[option] for option in entry.options.model_fields)
            assert branches[entry.name]["additionalProperties"] is False
