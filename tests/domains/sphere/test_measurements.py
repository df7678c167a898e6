"""Measurements of networks on the sphere."""

from __future__ import annotations

import time

import pytest
import torch
from sklearn.metrics import jaccard_score
from torch import Tensor

from bench.measure import Inputs
from bench.registry import measurements
from bench.tasks import SEGMENTATION
from tests.domains.sphere.signals import SO3, network, random


class TestMeasurements:
    def test_masks_are_counted_point_by_point(self) -> None:
        truth = torch.randint(0, 11, (5, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
        plain, values = network("sphere-cnn", "segmentation").eval(), random(5, 1, 16, 16)
        inputs = Inputs("trained", (values, truth), (values, truth), SO3, SEGMENTATION)
        found = measurements["masks"].make(measurements["masks"].options(), plain, inputs).run
        with torch.no_grad():
            answers = plain(values).argmax(1)
        assert found["point_accuracy_upright"] == pytest.approx(float((answers == truth).float().mean()), abs=1e-6)
        assert found["counted_iou_transformed"] == pytest.approx(
            jaccard_score(truth.flatten(), answers.flatten(), labels=list(range(1, 11)), average="macro"), abs=1e-9
        )

    def test_the_latency_is_that_of_an_answer(self) -> None:
        class Slow(torch.nn.Module):
            calls = 0

            def forward(self, values: Tensor) -> Tensor:
                Slow.calls += 1
                time.sleep(0.002 * len(values))
                return values

        values = random(40, 1, 4, 4)
        inputs = Inputs("trained", (values, values), (values, values), SO3, SEGMENTATION)
        options = measurements["latency"].options.model_validate({"batches": [1, 5, 64], "repeats": 3})
        found = measurements["latency"].make(options, Slow(), inputs).run
        assert set(found) == {"latency_1_ms", "latency_5_ms"}
        assert Slow.calls == 10
        assert found["latency_1_ms"] >= 2
        assert found["latency_5_ms"] >= 10
