"""What resampling costs, and whether anything was learned."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.analysis.chance import beats_chance, nothing_learned
from bench.analysis.controls import controls
from bench.analysis.verdict import verdict
from tests.analysis.accuracies import ahead
from tests.matrices import matrix


def test_controls_part_what_the_pixels_cost_from_what_the_orientation_does() -> None:
    tables = matrix(ahead)
    tables.runs["test_score"] = tables.runs["transformed_score"] + 0.3
    tables.runs["resampled_score"] = tables.runs["test_score"] - 0.1
    tables.runs["exact_score"] = tables.runs["test_score"] - 0.2
    told = next(text for text in verdict(tables).sentences if text.startswith("What the pixels cost"))
    assert "loses 10.0 points (95 % interval 10.0 to 10.0) of its upright accuracy by resampling alone" in told
    assert "20.0 points by moving them exactly and 30.0 points by both" in told
    means = controls(tables.runs)
    assert np.allclose(means["test_score"] - means["exact_score"], 0.2)
    assert set(means["n"]) == {5}


@pytest.mark.parametrize(("right", "learned"), [(50, False), (58, False), (75, True)])
def test_what_does_not_beat_the_largest_class_has_learned_nothing(right: int, learned: bool) -> None:
    """Of 100 test images, half of one class: 58 right have p = 0.07 alone, 75 right 3e-7, times the cells."""
    tables = matrix(lambda *_: right / 100)
    tables.runs["test_size"], tables.runs["chance_score"] = 100.0, 0.5
    p = sum(math.comb(100, k) for k in range(right, 101)) / 2**100
    assert beats_chance(tables.runs).iloc[0] == pytest.approx(min(1, p * len(tables.runs)))
    assert (nothing_learned(tables.runs) is None) == learned
    assert ("nothing was learned" in verdict(tables).headline) != learned


def test_early_tables_that_do_not_tell_their_chance_are_not_judged() -> None:
    tables = matrix(lambda *_: 0.5)
    assert beats_chance(tables.runs).empty
    assert nothing_learned(tables.runs) is None
