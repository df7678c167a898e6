"""Masks and their score."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import jaccard_score

from bench.domains.sphere import sphere_shape
from bench.tasks import SEGMENTATION, task_of
from bench.tasks.segmentation import confusion, mean_iou, segmentation
from tests.domains.sphere.signals import random


class TestSegmentation:
    def test_the_score_is_the_mean_jaccard_index(self) -> None:
        truth = torch.randint(0, 5, (7, 9, 9), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
        logits = random(7, 5, 9, 9) + 2 * torch.nn.functional.one_hot(truth.long(), 5).movedim(-1, 1)
        expected = jaccard_score(truth.flatten(), logits.argmax(1).flatten(), labels=[1, 2, 3, 4], average="macro")
        assert SEGMENTATION.value(SEGMENTATION.tally(logits, truth)) == pytest.approx(expected, abs=1e-12)

    def test_points_count_by_their_area(self) -> None:
        truth = torch.tensor([[[1, 1], [2, 2]]], dtype=torch.uint8)
        logits = torch.nn.functional.one_hot(torch.tensor([[[1, 2], [2, 2]]]), 3).movedim(-1, 1).float()
        matrix = confusion(logits, truth, torch.tensor([[3.0], [1.0]]))
        torch.testing.assert_close(matrix, torch.tensor([[0.0, 0, 0], [0, 3, 3], [0, 0, 2]]).double())
        assert mean_iou(matrix) == pytest.approx((3 / 6 + 2 / 5) / 2)
        task = segmentation(torch.tensor([[3.0], [1.0]]))
        assert float(task.agree(logits, torch.nn.functional.one_hot(truth.long(), 3).movedim(-1, 1))) == pytest.approx(
            5 / 8
        )

    def test_the_sphere_gives_the_areas(self) -> None:
        shape = sphere_shape(4, 3, "segmentation")
        truth = torch.zeros(1, 8, 8, dtype=torch.uint8)
        truth[:, :4] = 1
        logits = torch.zeros(1, 3, 8, 8)
        logits[:, 1] = 1
        assert task_of(shape).value(task_of(shape).tally(logits, truth)) == pytest.approx(0.5)
        assert task_of(shape).constant(truth) == pytest.approx(0.5)

    def test_the_best_constant_answer_is_its_score(self) -> None:
        truth = torch.randint(0, 4, (3, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
        answers = [torch.nn.functional.one_hot(torch.full((3, 8, 8), c), 4).movedim(-1, 1).float() for c in range(4)]
        best = max(SEGMENTATION.value(SEGMENTATION.tally(answer, truth)) for answer in answers)
        assert SEGMENTATION.constant(truth) == pytest.approx(best)

    def test_wrong_masks_are_refused(self) -> None:
        with pytest.raises(ValueError, match="uint8"):
            SEGMENTATION.check(torch.zeros(2, 4, 4), 3)
        with pytest.raises(ValueError, match="between 0 and 2; found 3"):
            SEGMENTATION.check(torch.full((2, 4, 4), 3, dtype=torch.uint8), 3)
