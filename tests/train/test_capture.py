"""What surrounds a CUDA graph, on a CPU: its warm-ups leave no trace, and replays alone train the network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench import fitness
from bench.cell import Budget
from bench.train import Trainee
from bench.train.capture import captured
from bench.train.step import BLOCK, Step
from tests.train.test_together import trainees

BUDGETS = {"adamw": Budget(steps=5, batch_size=8, optimizer="adamw", precision="float32")}
BUDGETS["amsgrad"] = Budget(steps=5, batch_size=8, optimizer="amsgrad", precision="float32")
BUDGETS["sgd"] = Budget(steps=5, batch_size=8, optimizer="sgd", precision="float32")


class FakeGraph:
    """A graph whose replay runs what was captured: kernels read and write the same tensors either way."""

    step: Any = None

    def replay(self) -> None:
        FakeGraph.step()


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Streams and graphs that do nothing but note that they were there."""
    monkeypatch.setattr(fitness, "_because", [])
    noted: list[str] = []

    @contextlib.contextmanager
    def entered(name: str) -> Iterator[None]:
        noted.append(name)
        yield

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: entered("aside"))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: entered("capture"))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: "state")
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: noted.append(f"random {state}"))
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: noted.append("back"))
    return noted


def ended(step: Step, advance: Any, total: int) -> list[dict[str, torch.Tensor]]:
    for done in range(total):
        if done % BLOCK == 0:
            step.load(done)
        advance()
    return [dict(trainee.network.state_dict()) for trainee in step.trainees]


@pytest.mark.parametrize("optimizer", BUDGETS)
@pytest.mark.parametrize("together", [False, True])
def test_replays_train_as_the_steps_themselves_do(fake_cuda: list[str], optimizer: str, together: bool) -> None:
    def fresh() -> list[Trainee]:
        return trainees("steerable C8", BUDGETS[optimizer])[: 2 if together else 1]

    plain = Step(fresh(), 5)
    expected = ended(plain, plain, 5)
    step = Step(fresh(), 5)
    FakeGraph.step = step
    replay = captured(step)
    assert fake_cuda == ["aside", "capture", "random state"]
    assert replay is not step
    for found, wanted in zip(ended(step, replay, 5), expected, strict=True):
        for key, value in wanted.items():
            assert torch.equal(found[key], value), key
    assert torch.equal(step.losses, plain.losses)


def test_what_cannot_be_captured_is_launched_step_by_step(
    fake_cuda: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextlib.contextmanager
    def refusing(graph: FakeGraph) -> Iterator[None]:
        yield
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "graph", refusing)
    (trainee,) = trainees("cnn", BUDGETS["adamw"])[:1]
    before = {key: value.clone() for key, value in trainee.network.state_dict().items()}
    step = Step([trainee], 5)
    assert captured(step) is step
    assert fake_cuda == ["aside", "back", "random state"]
    assert "in a graph: RuntimeError: operation not permitted" in capsys.readouterr().err
    assert not fitness.is_fit()
    for key, value in trainee.network.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert int(step.number) == 0


@pytest.mark.parametrize("total", [1, 2])
def test_a_training_shorter_than_its_warm_ups_is_captured_too(fake_cuda: list[str], total: int) -> None:
    (trainee,) = trainees("cnn", Budget(steps=total, batch_size=8, precision="float32"))[:1]
    step = Step([trainee], total)
    FakeGraph.step = step
    ended(step, captured(step), total)
    assert int(step.number) == total
    assert bool((step.losses != 0).all())


def test_a_long_training_loads_its_tables_block_by_block() -> None:
    total = 2 * BLOCK + 3
    budget = Budget(steps=total, batch_size=8, precision="float32", schedule="cosine")
    (trainee,) = trainees("cnn", budget)[:1]
    step = Step([trainee], total)
    rates = []
    for done in range(total):
        if done % BLOCK == 0:
            step.load(done)
        step()
        rates.append(float(step.courses[0].rate))
    assert len(set(rates)) > total - 3  # each step has a rate of its own, falling as a cosine
    assert rates == sorted(rates, reverse=True)
    assert bool((step.losses != 0).all())
