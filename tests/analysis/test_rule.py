"""Which seeds chose and which tested, in words."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.analysis.rule import Rule
from bench.seeding import Seeding


@pytest.mark.parametrize(("pilot", "chosen"), [(1, "1 pilot seed"), (2, "2 pilot seeds")])
def test_a_plan_of_seeds_is_told_with_how_many_choose(pilot: int, chosen: str) -> None:
    plan = str(Seeding(pilot=pilot, looks=(3, 5, 8, 12), margin=0.02))
    rule = Rule.of(pd.DataFrame({"seed": [0, 1, 2, 3], "seeding": plan}))
    assert str(rule) == f"chosen on {chosen} and tested on up to 12 others, as many as it took"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "chosen on the one seed that tests them, so that nothing is tested"),
        (3, "chosen on the first 1 of 3 seeds and tested on the others"),
        (8, "chosen on the first 2 of 8 seeds and tested on the others"),
    ],
)
def test_a_fixed_number_of_seeds_is_told_with_how_many_choose(count: int, told: str) -> None:
    assert str(Rule.of(pd.DataFrame({"seed": range(count), "seeding": ""}))) == told
