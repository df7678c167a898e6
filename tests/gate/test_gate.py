"""The gate: its statistics by simulation, its counters, and what its command says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bench.errors import UserError
from bench.gate import command, counters, workloads
from bench.gate.baseline import Baseline, device_class, path_of, read, write
from bench.gate.judgement import Outcome, compare, half_width, overall
from bench.gate.sampling import MOST_ROUNDS, PRECISE, ROUNDS, sample
from bench.gate.workloads import Workload

CPU = torch.device("cpu")


def rounds(draw: np.random.Generator, slowdown: float, noise: float, process: float, count: int = 30) -> np.ndarray:
    """Ratios of one process: it is off by a factor of its own, a round by another, and one in ten is disturbed."""
    level = 2.0 * (1 + slowdown) * np.exp(draw.normal(0, process))
    disturbed = 1 + (draw.random(count) < 0.1) * draw.exponential(0.5, count)
    return level * np.exp(draw.normal(0, noise, count)) * disturbed


def precise_rounds(draw: np.random.Generator, slowdown: float, noise: float, process: float) -> np.ndarray:
    """As many rounds as `sample` would run."""
    found = rounds(draw, slowdown, noise, process, MOST_ROUNDS)
    count = ROUNDS
    while count < MOST_ROUNDS and half_width(found[:count]) > PRECISE:
        count += ROUNDS // 3
    return found[:count]


def outcomes(slowdown: float, noise: float, process: float, tries: int) -> list[Outcome]:
    draw = np.random.default_rng(7)
    found = []
    for _ in range(tries):
        runs = [precise_rounds(draw, 0.0, noise, process) for _ in range(command.RUNS)]
        verdict = compare("step", runs, precise_rounds(draw, slowdown, noise, process))
        if verdict.outcome is Outcome.REGRESSED:  # as the command, which measures twice before it says so
            verdict = compare("step", runs, precise_rounds(draw, slowdown, noise, process))
        found.append(verdict.outcome)
    return found


@pytest.mark.parametrize(("noise", "process"), [(0.01, 0.0), (0.03, 0.005), (0.04, 0.01)])
def test_a_slowdown_of_ten_percent_is_caught_and_none_is_not(noise: float, process: float) -> None:
    assert outcomes(0.10, noise, process, 200).count(Outcome.REGRESSED) >= 190
    assert outcomes(0.0, noise, process, 200).count(Outcome.REGRESSED) <= 2
    assert outcomes(-0.10, noise, process, 50).count(Outcome.REGRESSED) == 0


def test_noise_that_a_slowdown_could_hide_in_is_no_measurement() -> None:
    assert outcomes(0.0, 0.6, 0.0, 20).count(Outcome.UNMEASURED) >= 15


def test_the_change_is_the_ratio_of_medians_and_lies_in_its_interval() -> None:
    draw = np.random.default_rng(0)
    runs = [rounds(draw, 0.0, 0.01, 0.0) for _ in range(6)]
    verdict = compare("step", runs, rounds(draw, 0.5, 0.01, 0.0))
    assert verdict.change == pytest.approx(1.5, rel=0.02)
    assert verdict.low < verdict.change < verdict.high
    assert half_width(runs[0]) < 0.02 < half_width(rounds(draw, 0.0, 0.2, 0.0))


def test_the_worst_decides() -> None:
    fine, regressed, unmeasured = Outcome.FINE, Outcome.REGRESSED, Outcome.UNMEASURED
    assert overall([fine, unmeasured, regressed]) is regressed
    assert overall([fine, unmeasured]) is unmeasured
    assert overall([fine, fine]) is fine
    assert sorted(command.EXIT.values()) == [0, 1, 3]


# counters


@pytest.fixture(scope="module")
def counted() -> dict[str, float]:
    return counters.count(CPU)


def test_counters_are_the_same_every_time(counted: dict[str, float]) -> None:
    assert counters.count(CPU) == counted
    assert {name.partition(",")[2].strip() for name in counted} == set(workloads.NETWORKS)
    errors = [value for name, value in counted.items() if name.startswith("error")]
    assert len(errors) == 5
    assert max(errors) < 1e-5


def test_counters_see_one_more_product_and_one_more_copy(
    counted: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wasteful(nn.ReLU):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            kept = features.clone()
            torch.mm(torch.ones(64, 64), torch.ones(64, 64))
            return super().forward(features) + 0 * kept.sum()

    monkeypatch.setattr("bench.domains.plane.models.cnn.nn.ReLU", Wasteful)
    now = counters.count(CPU)
    for kind in ("flops of a step", "calls of a step", "calls of inference", "peak bytes of a step"):
        name = f"{kind}, cnn"
        assert counters.judge(name, counted[name], now[name]).outcome is Outcome.REGRESSED, name
        assert counters.judge(name, now[name], counted[name]).outcome is Outcome.FINE, name
        other = f"{kind}, hnet"
        assert counters.judge(other, counted[other], now[other]).outcome is Outcome.FINE, other


def test_the_peak_is_of_what_is_made_and_not_of_tables_that_were_there() -> None:
    """A view of a table, such as the losses of all steps, holds no byte of its own; two results at once hold both."""
    table = torch.zeros(1000)
    calls = counters._Calls()
    with calls:
        table[3] += 1
        first = table[:10] + 1
        second = first + 1
        del first, second
        torch.ones(15)
    assert calls.peak == 2 * 10 * table.itemsize


def test_a_lost_symmetry_and_a_lost_accuracy_are_regressions() -> None:
    assert counters.judge("error after a tiny training, hnet", 2e-7, 1e-3).outcome is Outcome.REGRESSED
    assert counters.judge("error after a tiny training, hnet", 2e-7, 6e-7).outcome is Outcome.FINE
    assert counters.judge("accuracy of a tiny training, hnet", 0.8, 0.7).outcome is Outcome.REGRESSED
    assert counters.judge("accuracy of a tiny training, hnet", 0.8, 0.9).outcome is Outcome.FINE


# workloads and sampling


def test_every_workload_runs_beside_its_calibration() -> None:
    found = workloads.workloads()
    kinds = {workload.name.partition(",")[0] for workload in found}
    assert kinds == {"step", "inference", "equivariance", "build", "augmentation", "planning"}
    assert len(found) == 4 * len(workloads.NETWORKS) + 2
    for workload in found:
        work, calibrate = workload.prepare(CPU)
        work()
        calibrate()


def test_a_round_is_the_work_over_the_calibrations_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def take(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("bench.gate.sampling.time.perf_counter", lambda: now)
    steady = Workload("made-up", lambda device: (lambda: take(3.0), lambda: take(2.0)))
    assert sample(steady, CPU).tolist() == [1.5] * 30
    draw = np.random.default_rng(0)
    noisy = Workload("made-up", lambda device: (lambda: take(draw.exponential(1.0)), lambda: take(1.0)))
    assert len(sample(noisy, CPU, most=60)) == 60


# the command


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Workloads of known speed instead of the real ones, and two counters."""
    speed = {"step, a": 2.0, "build, b": 3.0}
    counts = {"flops of a step, a": 100.0, "calls of a step, a": 10.0}
    monkeypatch.setattr(command, "workloads", lambda: [Workload(name, lambda device: None) for name in speed])  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(
        command,
        "sample",
        lambda each, device: speed[each.name] * np.linspace(0.99, 1.01, 30),
    )
    monkeypatch.setattr(command.counters, "count", lambda device: dict(counts))
    monkeypatch.setattr(command, "settle", lambda device: None)
    return speed


def recorded(folder: Path) -> Path:
    speed = {"step, a": 2.0, "build, b": 3.0}
    ratios = {name: [(value * np.linspace(0.99, 1.01, 30)).tolist()] * 3 for name, value in speed.items()}
    found = Baseline(
        device=device_class(CPU),
        torch=torch.__version__,
        python="3",
        ratios=ratios,
        counters={"flops of a step, a": 100.0, "calls of a step, a": 10.0},
    )
    path = path_of(folder, CPU)
    write(path, found)
    return path


def test_the_three_outcomes_have_three_exit_codes(
    quick: dict[str, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.gate(tmp_path, "cpu", "") == 3
    assert "no baseline for" in capsys.readouterr().out
    recorded(tmp_path)
    assert command.gate(tmp_path, "cpu", "") == 0
    quick["step, a"] *= 1.1
    assert command.gate(tmp_path, "cpu", "") == 1
    told = capsys.readouterr().out
    assert "step, a" in told
    assert "regressed" in told
    assert command.gate(tmp_path, "cpu", "build") == 0
    quick["step, a"] /= 1.5
    assert command.gate(tmp_path, "cpu", "") == 0


def test_what_the_baseline_lacks_could_not_be_measured(quick: dict[str, float], tmp_path: Path) -> None:
    path = recorded(tmp_path)
    content = json.loads(path.read_text())
    del content["ratios"]["build, b"]
    path.write_text(json.dumps(content))
    assert command.gate(tmp_path, "cpu", "") == 3
    assert command.gate(tmp_path, "cpu", "step") == 0
    path.write_text(json.dumps({**content, "torch": "0.1"}))
    assert command.gate(tmp_path, "cpu", "step") == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "the file"), ('{"format": 1}', "device"), ('{"format": "x"}', "format"), ("\x00", "the file")],
)
def test_a_file_that_is_no_baseline_is_named(content: str, told: str, tmp_path: Path) -> None:
    path = path_of(tmp_path, CPU)
    path.write_text(content)
    with pytest.raises(UserError) as refusal:
        read(path)
    assert str(path) in str(refusal.value)
    assert told in str(refusal.value)
    assert "--record" in str(refusal.value)


def test_an_unknown_workload_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"accepted: .*step"):
        command.gate(tmp_path, "cpu", "no such workload")


def test_the_committed_baselines_can_be_read_and_cover_every_workload() -> None:
    folder = Path(__file__).parents[2] / "results" / "speed"
    found = sorted(folder.glob("gate-*.json"))
    assert found
    for path in found:
        baseline = read(path)
        assert baseline is not None
        assert set(baseline.ratios) == {workload.name for workload in workloads.workloads()}
        assert {len(runs) for runs in baseline.ratios.values()} == {command.RUNS}
