"""Areas and curves against scikit-learn, answers as text, and the figure from saved answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from torch import nn

from bench import api
from bench.figures import FIGURES, REASONS
from bench.groups import Group
from bench.measure.inputs import Inputs
from bench.measure.roc import measure
from bench.registry import Options
from bench.roc import area, curve, one_hot, pack, unpack


@given(st.integers(2, 300), st.integers(1, 30), st.integers(0, 2**31))
def test_curves_and_areas_are_those_of_scikit_learn(count: int, levels: int, seed: int) -> None:
    """With few levels many scores are equal."""
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, levels, count) / levels, rng.random(count) < 0.4
    positive[:2] = [True, False]
    false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
    ours = curve(scores, positive)
    np.testing.assert_allclose(ours[0], false, atol=1e-12)
    np.testing.assert_allclose(ours[1], true, atol=1e-12)
    assert area(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-9)


@given(st.integers(1, 40), st.integers(2, 255), st.integers(0, 2**31))
def test_answers_are_read_as_they_were_written(count: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, classes, count), rng.random((count, classes))
    again, near = unpack(pack(labels, probabilities))
    np.testing.assert_array_equal(again, labels)
    np.testing.assert_allclose(near, probabilities, atol=1e-5)


def test_one_class_alone_has_no_curve() -> None:
    with pytest.raises(ValueError, match="of the class and of others"):
        curve(np.array([0.1, 0.2]), np.array([True, True]))


def test_a_network_is_measured_one_class_against_the_rest() -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(400, 3, 1, 1, generator=generator), torch.randint(3, (400,), generator=generator)
    images[torch.arange(400), labels] += 1
    moved = (torch.randn(400, 3, 1, 1, generator=generator), labels)
    columns = measure(Options(), nn.Flatten(), Inputs("trained", (images, labels), moved, Group(4))).run
    probabilities = images[:, :, 0, 0].double().softmax(1).numpy()
    is_class = one_hot(labels.numpy(), 3)
    assert columns["auc_upright"] == pytest.approx(roc_auc_score(is_class, probabilities, average="micro"), abs=1e-6)
    for k in range(3):
        expected = roc_auc_score(is_class[:, k], probabilities[:, k])
        assert columns[f"auc_upright_class_{k}"] == pytest.approx(expected, abs=1e-6)
    assert columns["auc_transformed"] == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(unpack(columns["transformed_answers"])[0], labels.numpy())  # type: ignore[arg-type]


def test_a_class_that_no_test_image_has_has_no_area_and_the_others_have() -> None:
    images, labels = torch.rand(20, 3, 1, 1), torch.arange(20) % 2
    columns = measure(Options(), nn.Flatten(), Inputs("trained", (images, labels), (images, labels), Group(4))).run
    assert {"auc_upright_class_0", "auc_upright_class_1", "auc_transformed_class_0"} <= set(columns)
    assert "auc_upright_class_2" not in columns
    assert "transformed_answers" in columns


def test_answers_of_up_to_255_classes_are_kept_once() -> None:
    kept = {}
    for classes in (255, 256):
        images, labels = torch.rand(8, classes, 1, 1), torch.arange(8)
        inputs = Inputs("trained", (images, labels), (images.flip(0), labels), Group(4))
        kept[classes] = measure(Options(), nn.Flatten(), inputs).run.get("transformed_answers")
    assert kept[256] is None
    assert kept[255] is not None
    probabilities = unpack(str(kept[255]))[1]
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-3)


def test_the_answers_that_are_kept_are_those_to_moved_images() -> None:
    images, labels = 4 * torch.eye(3).reshape(3, 3, 1, 1), torch.arange(3)
    moved = images.roll(1, 0)
    columns = measure(Options(), nn.Flatten(), Inputs("trained", (images, labels), (moved, labels), Group(4))).run
    assert [name for name in columns if name.endswith("answers")] == ["transformed_answers"]
    probabilities = unpack(str(columns["transformed_answers"]))[1]
    assert probabilities.argmax(1).tolist() == [2, 0, 1]


def test_the_figure_is_drawn_from_saved_answers(tmp_path: Path) -> None:
    suite = {
        "name": "roc",
        "data": {"name": "digits", "size": 16, "train_sizes": [60]},
        "augmentation": {"strengths": [0, 1]},
        "families": [{"family": "cnn", "width": 3}],
        "budget": {"steps": 6, "batch_size": 8},
        "seeds": 2,
        "measure": {"equivariance": None, "roc": True},
    }
    tables = api.run(suite, tmp_path, workers=1)
    assert "transformed_answers" not in (tmp_path / "runs.csv").read_text()
    figure = FIGURES["roc"](tables)
    assert figure is not None
    (ax,) = figure.axes  # ten classes are too many for a panel each
    assert len(ax.lines) == 2
    for drawn in ax.lines:
        true = np.asarray(drawn.get_ydata())
        assert (np.diff(true) >= 0).all()
        assert true[-1] == 1
    without = replace(tables, runs=tables.runs.drop(columns="transformed_answers"))
    assert FIGURES["roc"](without) is None
    assert "measure: {roc: true}" in REASONS["roc"](without)
