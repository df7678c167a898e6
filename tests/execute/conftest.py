"""What every test of a cell can ask for: a data set and a family that are small, and what reached the training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.registry import datasets, families
from tests.execute.toys import Spy, ToyData, ToyNetwork, toy_data, toy_network


@pytest.fixture
def toys() -> Iterator[None]:
    datasets.register("toy", options=ToyData, version=1)(toy_data)
    families.register("toy", options=ToyNetwork, version=1)(toy_network)
    yield
    del datasets._entries["toy"], families._entries["toy"]


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)
