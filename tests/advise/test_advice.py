"""What is advised of a matrix, and how seldom it is wrong of matrices without a difference."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.advice import advice
from bench.analysis.verdict import verdict
from bench.report.page import page
from bench.results.tables import Tables
from tests.advise.matrices import CELLS, DIGITS, FLAT, SEEN, SLIGHT, UNSEEN, matrix_of
from tests.matrices import matrix, noise


@pytest.mark.parametrize(
    ("tables", "headline", "reason"),
    [
        (DIGITS, "use the plain network (cnn) without augmentation", "do not augment it away"),
        (
            CELLS,
            "use steerable C8 with augmentation by SO(2) of strength 1",
            "no orientation can be seen, and the images look alike when they are moved so",
        ),
        (FLAT, "no difference that this budget can show", "which may be chance"),
        (SLIGHT, "no difference that this budget can show", "which may be chance"),
    ],
    ids=["digits", "cells", "flat", "slight"],
)
def test_the_advice_is_what_the_matrix_says(tables: Tables, headline: str, reason: str) -> None:
    found = advice(tables, [SEEN if tables is DIGITS else UNSEEN])
    assert headline in found.headline
    assert reason in " ".join(found.sentences)


def test_a_preferred_orientation_is_told_from_none() -> None:
    told = advice(DIGITS, [SEEN]).sentences
    assert "right on 118 of 120 that it never saw (98.3 %, exact 95 % interval 94.1 to 99.8; chance is 50)" in told[0]
    assert "SO(2): a plain network trained on the images as they are loses 55.0 points" in told[1]
    assert told[1].endswith("when they are moved exactly: the images have a preferred orientation.")
    assert "it loses 55.0 points" in told[2]
    assert "resampling them without moving them costs 1.0 points" in told[2]
    none = advice(CELLS, [UNSEEN]).sentences
    assert none[1].endswith("no orientation can be seen, and the images look alike when they are moved so.")


def test_a_loss_by_resampling_is_no_orientation() -> None:
    """As of radio galaxies turned bilinearly: nothing is lost by exact moves, and 17.6 points by all others."""
    tables = matrix_of(lambda *_: 0.838, lambda *_: 0.662)
    tables.runs["exact_score"] = tables.runs["test_score"]
    tables.runs["resampled_score"] = tables.runs["transformed_score"]
    told = " ".join(advice(tables, [UNSEEN]).sentences)
    assert "preferred orientation" not in told
    assert "no orientation can be seen" in told
    assert "it loses 17.6 points" in told
    assert "resampling them without moving them costs 17.6 points" in told


def test_a_loss_that_the_direct_test_does_not_confirm_is_no_orientation() -> None:
    """Seeds share their test images, so that all of them may lose on one draw of moves."""
    told = " ".join(advice(DIGITS, [UNSEEN]).sentences)
    assert "preferred orientation" not in told
    assert "no orientation can be seen in the images; the loss may be that of so few test images" in told


def test_an_orientation_that_does_not_matter_to_the_network_is_told_as_one() -> None:
    told = " ".join(advice(CELLS, [SEEN]).sentences)
    assert "the images have a preferred orientation, but the network does not lean on it" in told


def test_without_a_test_nothing_is_said_to_look_alike() -> None:
    told = " ".join(advice(CELLS).sentences)
    assert "whether the images have an orientation, this budget cannot show" in told


def wrong_advice(seeds: int, trials: int, cnn: float, others: float) -> int:
    """Return in how many matrices of equal networks, whose seeds vary so, advice names a difference all the same."""
    labels = {"cnn": "C1", "gcnn": "C4", "steerable C8": "C8", "hnet": "SO(2)"}
    tables = matrix(lambda *_: 0.8, labels=labels, sizes=(1000,), seeds=seeds, test_size=500, chance_score=0.1)
    columns = ["test_score", "upright_validation_score", "transformed_score", "transformed_validation_score"]
    deviation = np.where(tables.runs["label"] == "cnn", cnn, others)
    wrong = 0
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        seed = deviation * rng.normal(0, 1, len(tables.runs))
        scores = {column: 0.8 + seed + rng.normal(0, 0.01, len(tables.runs)) for column in columns}
        answer = advice(replace(tables, runs=tables.runs.assign(**scores)), [UNSEEN])
        wrong += bool(NAMED.search(" ".join([answer.headline, *answer.sentences])))
    return wrong


NAMED = re.compile(
    r"it gains|it helps|do not augment|(build the symmetry in|use a plain network|augment a plain network) at"
)


@pytest.mark.parametrize("seeds", [2, 3, 5, 12])
def test_advice_on_matrices_without_a_difference_is_wrong_in_few(seeds: int) -> None:
    """Both of its questions together; eight equal choices, the best in validation is tested, some seeds vary more."""
    assert wrong_advice(seeds, 40, cnn=0.005, others=0.02) / 40 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 40)


def test_advice_that_takes_every_second_chance_for_a_difference_is_often_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the count of wrong advice rises where its tests are less strict."""
    monkeypatch.setattr("bench.analysis.advice.EACH", 0.5)
    assert wrong_advice(5, 20, cnn=0.005, others=0.02) > 8


def test_a_large_gain_is_told() -> None:
    def upright(label: str, size: int, strength: float, seed: int) -> float:
        return 0.6 + 0.2 * (label != "cnn") + noise(label, size, strength, seed)

    found = advice(matrix(upright, test_size=500, chance_score=0.1), [UNSEEN])
    assert re.search(r"it gains (19\.9|20\.\d) points", found.headline)


def test_where_nothing_was_learned_there_is_no_advice() -> None:
    tables = matrix_of(lambda *_: 0.52, lambda *_: 0.5)
    tables.runs["chance_score"] = 0.5
    found = advice(tables, [UNSEEN])
    assert found.headline.startswith("No advice: nothing was learned: none of the networks is surely better than")
    assert "accuracy on the 400 test inputs is 50.0 % (the best has 52." in found.headline
    assert all("SO(2): a network that learned to tell images" in sentence for sentence in found.sentences)
    assert verdict(tables).headline.startswith("On digits, moved by SO(2): nothing was learned")
    assert "nothing was learned" in page(tables, None, {}, "x")
