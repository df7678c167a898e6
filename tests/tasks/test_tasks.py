"""Each task by itself: scores beside scikit-learn's, the best constant answer by trying all, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, jaccard_score
from torch import Tensor

from bench.domains.sphere.shape import sphere_shape
from bench.geometry import domain
from bench.tasks import CLASSIFICATION, REGRESSION, SEGMENTATION, Task, task_of
from bench.tasks.segmentation import segmentation

K = 4
AREAS = torch.tensor([0.5, 1.0, 2.5])
labels = arrays(np.int64, st.integers(1, 20), elements=st.integers(0, K - 1)).map(torch.from_numpy)
masks = arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(2), st.just(3)), elements=st.integers(0, K - 1)).map(
    torch.from_numpy
)


def naming(classes: Tensor) -> Tensor:
    """Return logits (B, K, *points) by which a network names these classes (B, *points)."""
    return torch.nn.functional.one_hot(classes.long(), K).movedim(-1, 1).float()


def other(classes: Tensor) -> Tensor:
    return ((classes.long() * 7 + torch.arange(classes.numel()).view(classes.shape)) % K).to(classes.dtype)


def score(task: Task, outputs: Tensor, targets: Tensor) -> float:
    return task.value(task.tally(outputs, targets))


@given(labels)
def test_accuracy_is_that_of_scikit_learn(truth: Tensor) -> None:
    said = other(truth)
    assert score(CLASSIFICATION, naming(said), truth) == pytest.approx(accuracy_score(truth, said))
    right = CLASSIFICATION.right(naming(said), truth)
    assert right is not None
    assert right.tolist() == (said == truth).tolist()
    agree = CLASSIFICATION.agree(naming(said), naming(truth))
    assert agree is not None
    assert agree.tolist() == (said == truth).tolist()


@given(masks, st.booleans())
def test_mean_iou_is_that_of_scikit_learn(truth: Tensor, is_weighed: bool) -> None:
    """Over the classes that are there or were called, by area, from one confusion matrix of all examples."""
    said = other(truth)
    task = segmentation(AREAS) if is_weighed else SEGMENTATION
    areas = AREAS.expand(truth.shape).flatten() if is_weighed else None
    there = [k for k in range(1, K) if bool(((truth == k) | (said == k)).any())]
    expected = (
        jaccard_score(truth.flatten(), said.flatten(), labels=there, average="macro", sample_weight=areas)
        if there
        else 0.0
    )
    assert score(task, naming(said), truth) == pytest.approx(expected, abs=1e-6)


@given(masks)
def test_masks_agree_in_the_share_of_the_area_in_which_they_name_the_same(truth: Tensor) -> None:
    said = other(truth)
    shares = segmentation(AREAS).agree(naming(said), naming(truth))
    assert shares is not None
    expected = [
        float(AREAS.expand(2, 3)[one == two].sum() / (2 * AREAS.sum())) for one, two in zip(said, truth, strict=True)
    ]
    assert shares.tolist() == pytest.approx(expected)
    counted = SEGMENTATION.agree(naming(said), naming(truth))
    assert counted is not None
    assert counted.tolist() == pytest.approx((said == truth).float().mean((1, 2)).tolist())


def test_where_points_have_areas_masks_are_scored_by_them_and_classes_are_not() -> None:
    """On the sphere, of all rings of latitude, one at the equator is the widest."""
    shape = sphere_shape(4, K, "segmentation")
    areas = domain("sphere").weights(shape)
    assert areas is not None
    truth = torch.zeros(1, 8, 8, dtype=torch.uint8)
    truth[:, 3:5] = 1
    said = truth.clone()
    said[:, 0] = 1
    assert score(task_of(shape), naming(said), truth) == pytest.approx(score(segmentation(areas), naming(said), truth))
    assert score(task_of(shape), naming(said), truth) > score(SEGMENTATION, naming(said), truth) + 0.05
    assert task_of(sphere_shape(4, K, "classification")) is CLASSIFICATION


def test_rmse_is_the_root_of_the_mean_square() -> None:
    outputs, targets = torch.rand(7, 3), torch.rand(7, 3)
    expected = math.sqrt(float(((outputs - targets).double() ** 2).mean()))
    assert score(REGRESSION, outputs, targets) == pytest.approx(expected)
    assert REGRESSION.right(outputs, targets) is None
    assert REGRESSION.agree(outputs, outputs) is None


TASKS = {
    "classification": (CLASSIFICATION, naming(torch.tensor([0, 2, 1, 3, 3])), torch.tensor([0, 1, 1, 3, 2])),
    "regression": (REGRESSION, torch.rand(5, 3), torch.rand(5, 3)),
    "segmentation": (
        segmentation(AREAS),
        naming(torch.arange(30).view(5, 2, 3) % K),
        (torch.arange(30).view(5, 2, 3) // 2 % K).to(torch.uint8),
    ),
}


@pytest.mark.parametrize("name", TASKS)
def test_tallies_add_over_batches(name: str) -> None:
    task, outputs, targets = TASKS[name]
    parts = task.tally(outputs[:2], targets[:2]) + task.tally(outputs[2:], targets[2:])
    torch.testing.assert_close(parts, task.tally(outputs, targets))
    assert parts.dtype == torch.float64


@pytest.mark.parametrize("name", TASKS)
def test_losses_of_examples_average_to_their_mean(name: str) -> None:
    task, outputs, targets = TASKS[name]
    each = task.loss(outputs, targets, "none")
    torch.testing.assert_close(each.mean(), task.loss(outputs, targets, "mean"))
    torch.testing.assert_close(each.sum(), task.loss(outputs, targets, "sum"))


def test_losses_are_cross_entropies_and_squares() -> None:
    logits, truth = torch.tensor([[0.0, math.log(3.0)]]), torch.tensor([1])
    assert float(CLASSIFICATION.loss(logits, truth, "mean")) == pytest.approx(-math.log(0.75))
    assert float(REGRESSION.loss(torch.zeros(2, 1), torch.tensor([[1.0], [3.0]]), "mean")) == pytest.approx(5)
    points = torch.tensor([[[0.0, 0.0], [math.log(3.0), 0.0]]])  # (1, 2 classes, 2 points)
    loss = SEGMENTATION.loss(points, torch.tensor([[1, 0]], dtype=torch.uint8), "none")
    assert loss.tolist() == pytest.approx([-(math.log(0.75) + math.log(0.5)) / 2])


@given(labels)
def test_the_best_constant_label_is_the_best_of_all(truth: Tensor) -> None:
    best = max(score(CLASSIFICATION, naming(torch.full_like(truth, k)), truth) for k in range(K))
    assert CLASSIFICATION.constant(truth) == pytest.approx(best)


@given(masks, st.booleans())
def test_the_best_constant_mask_is_the_best_of_all(truth: Tensor, is_weighed: bool) -> None:
    task = segmentation(AREAS) if is_weighed else SEGMENTATION
    best = max(score(task, naming(torch.full_like(truth, k)), truth) for k in range(K))
    assert task.constant(truth) == pytest.approx(best, abs=1e-6)


def test_the_best_constant_numbers_are_the_means() -> None:
    targets = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    assert REGRESSION.constant(targets) == pytest.approx(score(REGRESSION, targets.mean(0).expand(3, 2), targets))
    assert REGRESSION.constant(targets) < score(REGRESSION, targets.mean(0).expand(3, 2) + 0.1, targets)


def test_strata_are_labels_or_all_one() -> None:
    assert CLASSIFICATION.strata(torch.tensor([2, 0])).tolist() == [2, 0]
    assert REGRESSION.strata(torch.rand(3, 2)).tolist() == [0, 0, 0]
    strata = SEGMENTATION.strata(torch.zeros(2, 4, 4, dtype=torch.uint8))
    assert (strata.tolist(), strata.dtype) == ([0, 0], torch.int64)


ACCEPTED: list[tuple[Task, Tensor, int]] = [
    (CLASSIFICATION, torch.tensor([0, K - 1]), K),
    (CLASSIFICATION, torch.tensor([], dtype=torch.int64), K),
    (REGRESSION, torch.zeros(2, 3), 3),
    (SEGMENTATION, torch.full((1, 2), K - 1, dtype=torch.uint8), K),
    (SEGMENTATION, torch.zeros(0, 2, dtype=torch.uint8), K),
]


@pytest.mark.parametrize(("task", "targets", "outputs"), ACCEPTED)
def test_targets_that_fit_are_accepted(task: Task, targets: Tensor, outputs: int) -> None:
    task.check(targets, outputs)


REFUSED: list[tuple[Task, Callable[[], Tensor], int, str]] = [
    (CLASSIFICATION, lambda: torch.tensor([0, K]), K, "labels lie between 0 and 3; found 0 to 4"),
    (CLASSIFICATION, lambda: torch.tensor([-1, 0]), K, "found -1 to 0"),
    (CLASSIFICATION, lambda: torch.tensor([0.0]), K, "must be int64"),
    (CLASSIFICATION, lambda: torch.zeros(2, 2, dtype=torch.int64), K, r"int64 \(N,\), not torch.int64 \(2, 2\)"),
    (REGRESSION, lambda: torch.zeros(2, 3), 2, r"floats \(N, 2\), not torch.float32 \(2, 3\)"),
    (REGRESSION, lambda: torch.zeros(2), 1, "must be floats"),
    (REGRESSION, lambda: torch.zeros(2, 1, dtype=torch.int64), 1, "must be floats"),
    (REGRESSION, lambda: torch.tensor([[1.0], [math.nan]]), 1, "finite"),
    (SEGMENTATION, lambda: torch.full((1, 2), K, dtype=torch.uint8), K, "lie between 0 and 3; found 4"),
    (SEGMENTATION, lambda: torch.zeros(1, 2, dtype=torch.int64), K, "must be uint8"),
    (SEGMENTATION, lambda: torch.zeros(2, dtype=torch.uint8), K, "must be uint8"),
]


@pytest.mark.parametrize(("task", "targets", "outputs", "reason"), REFUSED)
def test_targets_that_do_not_fit_are_refused(
    task: Task, targets: Callable[[], Tensor], outputs: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        task.check(targets(), outputs)
