"""What a suite must not say, each as one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from bench.suite import parse
from tests.suite.suites import BASE, changed, message

SEEDS = "should be a valid integer or should be a list or should be a mapping"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (None, "s.yaml: found None; a suite is a mapping with 'name', 'data', 'families', 'budget'"),
        (changed(seed=1), "s.yaml: seed: unknown key; did you mean 'seeds'?"),
        (
            changed(seeds=0),
            "s.yaml: seeds: should be greater than or equal to 1 or should be a list or should be a mapping; found 0",
        ),
        (
            changed(seeds="3"),
            "s.yaml: seeds: should be a valid integer or should be a list or should be a mapping; found '3'",
        ),
        (changed(seeds=[1, "a"]), "s.yaml: seeds[1]: should be a valid integer; found 'a'"),
        (
            changed(seeds=True),
            "s.yaml: seeds: should be a valid integer or should be a list or should be a mapping; found True",
        ),
        (
            changed(families=[]),
            "s.yaml: families: a list should have at least 1 item, not 0; found []",
        ),
        (changed(families=[5]), "s.yaml: families[0]: should be a mapping; found 5"),
        (changed(families__0__witdh=3), "s.yaml: families[0].witdh: unknown key; did you mean 'width'?"),
        (changed(families__0__width="a"), "s.yaml: families[0].width: should be a valid number; found 'a'"),
        (changed(families__0__width=[]), "s.yaml: families[0].width: an empty list; give at least one value"),
        (changed(families__1__group=[]), "s.yaml: families[1].group: an empty list; give at least one value"),
        (changed(families__0={"width": 3}), "s.yaml: families[0].family: give one name of `equivaug list`; found None"),
        (changed(families__0__budget=3), "s.yaml: families[0].budget: should be a mapping; found 3"),
        (changed(families__0__budget={"lrr": 3}), "s.yaml: families[0].budget.lrr: unknown key; did you mean 'lr'?"),
        (changed(data__name="digit"), "s.yaml: data.name: unknown data set 'digit'; did you mean 'digits'?"),
        (changed(data__sizes=3), "s.yaml: data.sizes: unknown key; did you mean 'size'?"),
        (changed(data__train_sizes=[]), "s.yaml: data.train_sizes: a list should have at least 1 item"),
        (changed(data__train_sizes=[0]), "s.yaml: data.train_sizes[0]: should be greater than or equal to 1; found 0"),
        (changed(data=[]), "s.yaml: data: should be a mapping; found []"),
        (changed(augmentation__strengths=[2]), "s.yaml: augmentation.strengths[0]: should be less than or equal to 1"),
        (changed(augmentation__group="E8"), "s.yaml: augmentation.group: unknown group 'E8'; known: C1, C2, ..., C999"),
        (
            changed(augmentation__copies="off"),
            "s.yaml: augmentation.copies: should be 'online' or should be a valid integer; found 'off'",
        ),
        (changed(budget={}), "s.yaml: budget: give exactly one of 'epochs' and 'steps'; found {}"),
        (changed(budget__epochs=3), "s.yaml: budget: give exactly one of 'epochs' and 'steps'; found"),
        (changed(budget__steps=1.5), "s.yaml: budget.steps: should be a valid integer"),
        (changed(budget__lr=float("nan")), "s.yaml: .nan and .inf are no values of a suite"),
        (changed(measure={"equivariance": {"angels": [45]}}), "s.yaml: measure.equivariance.angels: unknown key"),
        (changed(measure={"equivariance": {"angles": []}}), "s.yaml: measure.equivariance.angles: a list should have"),
        (changed(match={"target": 0}), "s.yaml: match.target: should be greater than 0; found 0"),
        (
            changed(match={"by": "parameters"}),
            "s.yaml: match: give one of 'target', a number, and 'like', the label of a network",
        ),
        (changed(name="a/b"), "s.yaml: name: "),
        (changed(seeds=[-1]), "s.yaml: seeds[0]: should be greater than or equal to 0; found -1"),
        (changed(seeds=[2**63]), "s.yaml: seeds[0]: should be less than 9223372036854775808; found"),
        (changed(seeds=10**12), "s.yaml: seeds: should be less than or equal to 10000"),
        (changed(budget={"epochs": 1e9}), "s.yaml: budget.epochs: should be less than or equal to 1000000"),
        (changed(budget__steps=2**31), "s.yaml: budget.steps: should be less than 2147483648; found"),
        (changed(families__0__width=1e5), "s.yaml: families[0].width: should be less than or equal to 512"),
        (changed(seeds={"pilots": 2}), "s.yaml: seeds.pilots: unknown key; did you mean 'pilot'"),
        (changed(seeds={"pilot": 0}), "s.yaml: seeds.pilot: should be greater than or equal to 1; found 0"),
        (changed(seeds={"least": 5, "most": 3}), "s.yaml: seeds: 'most' should not be less than 'least', which is 5"),
        (changed(seeds={"margin": "2"}), "s.yaml: seeds.margin: "),
        (changed(seeds=[1, 1]), "s.yaml: seeds: 1 is given twice; found [1, 1]"),
        (changed(data__train_sizes=[9, 9]), "s.yaml: data.train_sizes: 9 is given twice"),
        (changed(augmentation__strengths=[0, 0.0]), "s.yaml: augmentation.strengths: 0.0 is given twice"),
        (changed(families__1__group=["C4", "D4", "C4"]), "s.yaml: families[1].group: 'C4' is given twice"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_place(raw: Any, told: str) -> None:
    text = message(raw)
    assert text.startswith(told)
    assert "\n" not in text
    assert "constrained" not in text
    assert "pydantic" not in text


def test_a_missing_part_is_named() -> None:
    raw = changed()
    del raw["budget"]
    assert message(raw) == "s.yaml: budget: missing"


@pytest.mark.parametrize(
    ("override", "value"),
    [("budget.lr=1e-3", 0.001), ("budget.steps=7", 7), ("families.0.width=5", 5), ("match.target=9000", 9000)],
)
def test_overrides_change_one_value(override: str, value: float) -> None:
    dumped = parse(BASE, overrides=[override]).model_dump()
    target: Any = dumped
    for key in override.partition("=")[0].split("."):
        target = target[int(key) if key.isdecimal() else key]
    assert target == value


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("budget.lr", "--set budget.lr: found no 'key=value', such as budget.steps=100"),
        ("=3", "--set =3: found no 'key=value'"),
        ("families.2.width=5", "--set families.2.width=5: '2' is no place in a list of 2; places count from 0"),
        ("seeds.a=5", "--set seeds.a=5: 'a' is inside 2, which has no keys"),
        ("budget.lr=[", "--set budget.lr: '[' is not a YAML value"),
        ("budget.lr={1: 2}", "--set budget.lr: '{1: 2}' is not a YAML value"),
        ("budget.lrr=3", "s.yaml with --set 'budget.lrr=3': budget.lrr: unknown key; did you mean 'lr'?"),
        ("seeds=1e400", "s.yaml with --set 'seeds=1e400': .nan and .inf are no values of a suite"),
    ],
)
def test_a_wrong_override_is_named(override: str, told: str) -> None:
    assert message(BASE, override).startswith(told)
