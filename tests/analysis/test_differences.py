"""Paired differences: known answers, pairing by seed, and the correction for how many were looked at."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.differences import holm, p_values, paired_differences


def runs(scores: dict[str, list[float]], size: int = 100) -> pd.DataFrame:
    rows = [
        {"label": label, "seed": seed, "score": score, "train_size": size, "status": "done"}
        for label, values in scores.items()
        for seed, score in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(dataset="toy", augmentation_group="C4", strength=0.0, copies=0)


def test_what_a_seed_does_to_both_is_taken_out() -> None:
    ease = np.array([0.0, 0.3, -0.2, 0.1])
    found = paired_differences(
        runs({"a": [*(0.5 + ease)], "b": [*(0.45 + ease + [0.001, -0.001, 0.001, -0.001])]}), "score"
    )
    (row,) = found.itertuples()
    assert row.mean == pytest.approx(0.05)
    assert 0.04 < row.low < row.high < 0.06
    assert row.n == 4
    assert row.p < 1e-4


def test_only_shared_seeds_count_and_one_is_no_difference() -> None:
    table = runs({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.5]})
    assert paired_differences(table, "score")["n"].tolist() == [2]
    assert paired_differences(table[table["seed"] == 0], "score").empty


def test_settings_are_not_mixed() -> None:
    table = pd.concat([runs({"a": [0.5, 0.6], "b": [0.4, 0.4]}, size) for size in (100, 200)])
    assert paired_differences(table, "score")["train_size"].tolist() == [100, 200]


def test_a_difference_without_noise_is_as_sure_as_so_many_coins() -> None:
    found = paired_differences(runs({"a": [0.5, 0.5], "b": [0.25, 0.25], "c": [0.5, 0.5]}), "score")
    assert dict(zip(found["other"] + found["label"], found["p"], strict=True)) == {"ba": 0.5, "ca": 1.0, "cb": 0.5}


@pytest.mark.parametrize("accuracy", [0.9, 0.98])
def test_few_images_make_no_certainty(accuracy: float) -> None:
    """Two seeds and 100 images: equal differences are common, and say nothing. By t-tests alone 6 to 11 % were sure."""
    rng = np.random.default_rng(0)
    scores = rng.binomial(100, accuracy, (4000, 2, 2)) / 100
    differences = scores[:, 0] - scores[:, 1]
    constant = (differences[:, 0] == differences[:, 1]) & (differences[:, 0] != 0)
    assert constant.mean() > 0.03
    assert (p_values(differences)[constant] == 0.5).all()
    assert (p_values(differences) < 0.05).mean() < 0.05


def test_holm_multiplies_by_the_hypotheses_that_are_left() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_lowers_a_p_value(values: list[float]) -> None:
    p = np.array(values)
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()
