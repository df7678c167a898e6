"""Measurements that are registered, as a cell takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench.execute.job import run_cell
from bench.measure import Inputs, Measured
from bench.networks.network import Network
from bench.registry import Options, measurements
from bench.suite import measure
from tests.execute.toys import done, toy

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Register measurements for one test; whatever they are, they are gone afterwards."""
    monkeypatch.setattr(measurements, "_entries", {entry.name: entry for entry in measurements})
    return measurements.register


def test_a_registered_measurement_has_its_options_and_its_columns(measured: Any) -> None:
    class Half(Options):
        share: float = 0.5

    @measured("half", options=Half, version=3)
    def half(options: Half, network: Network, inputs: Inputs) -> Measured:
        """Half."""
        assert not network.training
        return Measured({"half": options.share * len(inputs.upright[0])}, [{"layer": "output", "error": 1.0}])

    asked = {"equivariance": None, "calibration": None, "test_images": 40}
    record = done(toy(measure=measure({**asked, "half": {"share": 0.25}})))
    assert record.run["half"] == 10
    assert record.equivariance == [{"stage": "trained", "layer": "output", "error": 1.0}]
    assert done(toy(measure=measure({**asked, "half": True}))).run["half"] == 20
    assert "half" not in done(toy(measure=measure(asked))).run
    ids = {toy(measure=measure({**asked, "half": half})).cell_id for half in ({"share": 0.25}, True, None)}
    assert len(ids) == 3


def test_a_measurement_that_fails_or_takes_a_column_is_named(measured: Any) -> None:
    @measured("broken", version=1)
    def broken(options: Options, network: Network, inputs: Inputs) -> Measured:
        """Broken."""
        raise ZeroDivisionError("no half")

    @measured("greedy", version=1)
    def greedy(options: Options, network: Network, inputs: Inputs) -> Measured:
        """Greedy."""
        return Measured({"test_score": 1.0})

    for name, reason in (
        ("broken", "the measurement 'broken' failed: ZeroDivisionError: no half"),
        ("greedy", "the measurement 'greedy' returns the column 'test_score', which is taken"),
    ):
        run = run_cell(toy(measure=measure({name: True})), "cpu", "exclusive").run
        assert run["status"] == "failed"
        assert reason in run["reason"]


def test_a_version_of_a_measurement_is_part_of_a_cells_identity(measured: Any) -> None:
    ids = []
    for version in (1, 2):
        measurements._entries.pop("changing", None)
        measured("changing", version=version)(lambda options, network, inputs: Measured())
        ids.append(toy(measure=measure({"changing": True})).cell_id)
    assert ids[0] != ids[1]
