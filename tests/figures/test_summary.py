"""Means and intervals of the tables that figures draw."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.analysis.summary import interval, summarise
from tests.figures.made_up import (
    t_interval,
)
from tests.tolerances import FLOAT64_ARITHMETIC as EXACT


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_interval_is_the_t_interval_of_the_mean(values: list[float]) -> None:
    found = interval(values)
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    assert found.n == len(values)
    # the values reach 1e3, whatever their mean
    assert found.mean == pytest.approx(np.mean(values), rel=EXACT, abs=1e3 * EXACT)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=EXACT, abs=1e4 * EXACT)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = interval([0.5]), interval([math.nan])
    assert (one.mean, one.n) == (0.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert none.n == 0
    assert math.isnan(none.mean)


def test_a_group_that_lacks_a_seed_has_the_n_of_those_it_has() -> None:
    frame = pd.DataFrame({"label": ["a", "a", "a", "b", "b", "c"], "value": [1.0, 2.0, 3.0, 4.0, 6.0, math.nan]})
    summary = summarise(frame, ["label"], "value").set_index("label")
    assert summary["n"].to_dict() == {"a": 3, "b": 2}
    assert summary["mean"].to_dict() == {"a": 2.0, "b": 5.0}
    assert summary.loc["b", "high"] == pytest.approx(t_interval(pd.Series([4.0, 6.0]))[1], rel=EXACT)


def test_the_summary_of_nothing_has_its_columns() -> None:
    assert list(summarise(pd.DataFrame(), ["label"], "value")) == ["label", "mean", "median", "low", "high", "n"]
