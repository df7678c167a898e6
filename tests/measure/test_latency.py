"""The time of an answer: a median, of fewer answers where each takes long."""

from __future__ import annotations

import itertools
import time

import pytest
import torch
from torch import Tensor, nn

from bench.groups import Group
from bench.measure import Inputs, latency
from bench.measure.latency import answered


class Clocked(nn.Module):
    """Answers after so many seconds on a clock that nothing else moves, the first two times after a hundred more."""

    def __init__(self, seconds: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now, self.answers = 0.0, 0
        self.seconds = itertools.chain([100 + seconds[0], 100 + seconds[0]], itertools.cycle(seconds))
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def forward(self, inputs: Tensor) -> Tensor:
        self.answers += 1
        self.now += next(self.seconds)
        return inputs


def test_it_is_the_median_after_two_that_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Clocked([0.1, 0.3, 0.2, 0.9, 0.2], monkeypatch)
    assert answered(network, torch.zeros(1), 15) == pytest.approx(0.2)
    assert network.answers == 17


def test_a_slow_network_is_asked_no_more_often_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Clocked([60.0, 80.0, 70.0], monkeypatch)
    assert answered(network, torch.zeros(1), 20) == pytest.approx(70.0)
    assert network.answers == 2 + latency.FEWEST


@pytest.mark.parametrize(
    ("batches", "columns"), [((4,), {"latency_4_ms"}), ((1, 8, 9), {"latency_1_ms", "latency_8_ms"})]
)
def test_each_number_of_inputs_has_a_column_where_there_are_as_many(
    batches: tuple[int, ...], columns: set[str]
) -> None:
    examples = torch.zeros(8, 1, 2, 2), torch.zeros(8, dtype=torch.long)
    options = latency.LatencyOptions(batches=batches, repeats=1)
    found = latency.measure(options, nn.Identity(), Inputs("trained", examples, examples, Group(4))).run
    assert set(found) == columns
