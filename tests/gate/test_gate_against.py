"""`gate --against REV`: its statistics by simulation of whole runs, and what it says of two revisions."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import UserError
from bench.gate import against, command
from bench.gate.judgement import Outcome
from bench.gate.paired import OFFSET, PAIRS, Z, interval, median_error, verdict

PROOF = Path(__file__).parents[2] / "results" / "speed" / "gate-proof.csv"
NAMES = [f"workload {number}" for number in range(26)]
CATCHES = 0.1


def simulated(draw: np.random.Generator, noise: dict[str, float], offset: float, slowed: str) -> against.Measure:
    """Ratios as pairs of processes give them: each pair is off by a factor of its own, a tenth of rounds by more."""

    def rounds(level: float, spread: float) -> np.ndarray:
        disturbed = (draw.random(40) < 0.1) * draw.exponential(0.3, 40) * draw.choice([-1, 1], 40)
        logs = draw.normal(0, spread, 40) + disturbed
        counts = range(against.LEAST_ROUNDS, 40, 8)
        enough = next((count for count in counts if median_error(logs[:count]) < against.PRECISE), 40)
        return level * np.exp(logs[:enough])

    def measure(names: Sequence[str]) -> against.Ratios:
        change = {name: 1 + CATCHES * (name == slowed) for name in names}
        return {
            name: [rounds(change[name] * np.exp(draw.normal(0, offset)), noise[name]) for _ in range(PAIRS)]
            for name in names
        }

    return measure


def tried(draw: np.random.Generator, noises: Sequence[dict[str, float]], offset: float, runs: int) -> tuple[int, list]:
    """Return how many of so many whole runs cry wolf, and what each says of its slowed workload."""
    alarms, outcomes = 0, []
    for run in range(runs):
        noise = noises[run % len(noises)]
        slowed = list(noise)[run % len(noise)]
        verdicts = against.judged(list(noise), simulated(draw, noise, offset, slowed))
        alarms += any(each.outcome is Outcome.REGRESSED for each in verdicts if each.name != slowed)
        outcomes += [each.outcome for each in verdicts if each.name == slowed]
    return alarms, outcomes


@pytest.mark.parametrize(("noise", "offset"), [(0.01, 0.01), (0.03, OFFSET), (0.08, OFFSET), (0.15, 0.02)])
def test_a_whole_run_cries_wolf_at_most_once_in_a_hundred(noise: float, offset: float) -> None:
    runs = 200
    alarms, outcomes = tried(np.random.default_rng(5), [dict.fromkeys(NAMES, noise)], offset, runs)
    assert alarms <= 2
    # caught, or the machine is said to be too busy
    assert outcomes.count(Outcome.FINE) <= 0.05 * runs
    if noise < 0.05:
        assert outcomes.count(Outcome.REGRESSED) >= 0.95 * runs


def noise_of_real_runs() -> list[dict[str, float]]:
    """Return the deviation of a round of every workload, for each run of the proof, from the intervals that it had.

    An interval's error is that of `PAIRS` pairs, or of twice as many where the workload was measured again.
    """
    noises: dict[str, dict[str, float]] = {}
    with PROOF.open() as file:
        for row in csv.DictReader(file):
            error = (np.log(float(row["high"])) - np.log(float(row["low"]))) / (2 * Z)
            pairs = PAIRS if row["outcome"] == Outcome.FINE.value else 2 * PAIRS
            of_a_median = max(0.0, pairs * error**2 - OFFSET**2) ** 0.5
            noises.setdefault(row["run"], {})[row["workload"]] = of_a_median * against.LEAST_ROUNDS**0.5 / 1.25
    return list(noises.values())


@pytest.mark.skipif(not PROOF.exists(), reason=f"the table of real runs, {PROOF}, is not here")
def test_with_the_noise_of_real_runs_it_neither_cries_wolf_nor_misses() -> None:
    runs = 200
    alarms, outcomes = tried(np.random.default_rng(6), noise_of_real_runs(), OFFSET, runs)
    assert alarms <= 2
    assert outcomes.count(Outcome.FINE) <= 0.05 * runs


def test_what_is_faster_is_fine_and_what_is_noise_is_no_measurement() -> None:
    faster = [np.full(10, 0.7), np.full(10, 0.72)]
    assert verdict("step", faster).outcome is Outcome.FINE
    wild = [np.exp(np.linspace(-1, 1, 8)), np.exp(np.linspace(-1, 1, 8))]
    assert verdict("step", wild).outcome is Outcome.UNMEASURED


def test_the_interval_holds_the_mean_of_the_pairs_and_grows_with_their_distance() -> None:
    near, far = ([np.full(9, 1.0), np.full(9, value)] for value in (1.01, 1.2))
    assert interval(near)[0] == pytest.approx(1.01**0.5)
    widths = [high - low for _, low, high in (interval(near), interval(far))]
    assert widths[1] > 3 * widths[0]


def test_only_what_is_in_doubt_is_measured_again() -> None:
    asked: list[list[str]] = []

    def measure(names: Sequence[str]) -> against.Ratios:
        asked.append(list(names))
        level = {"slow": 1.2, "slow once": 1.07 if len(asked) == 1 else 1.0}
        return {name: [np.full(10, level.get(name, 1.0))] * PAIRS for name in names}

    found = {each.name: each.outcome for each in against.judged(["fine", "slow", "slow once"], measure)}
    assert asked == [["fine", "slow", "slow once"], ["slow", "slow once"]]
    assert found == {"fine": Outcome.FINE, "slow": Outcome.REGRESSED, "slow once": Outcome.FINE}


class FakeSide:
    """A side of which the new one lacks a workload that the old one has, and the other way round."""

    def __init__(self, code: Path, device: str) -> None:
        self.new = code == against.HERE

    def ask(self, question: str, *arguments: Any) -> Any:
        names = ["step, a", "step, of now"] if self.new else ["step, a", "step, of then"]
        counters = {"flops of a step, hnet": 200.0 if self.new else 100.0}
        return {"names": names, "prepare": None, "time": 0.02, "counters": counters}[question]

    def close(self) -> None:
        pass


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @contextmanager
    def checked_out(revision: str) -> Any:
        yield tmp_path

    monkeypatch.setattr(against, "Side", FakeSide)
    monkeypatch.setattr(against, "_checked_out", checked_out)


def test_a_workload_that_one_side_lacks_is_told(fakes: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.gate_against("before", "cpu", "") == 1
    told = capsys.readouterr().out
    assert "before has no such workload" in told
    assert "this code has no such workload" in told
    assert "compared with revision before" in told
    assert "flops of a step, hnet" in told  # twice as many
    assert command.gate_against("before", "cpu", "step, a") == 0


def test_an_unknown_workload_is_answered_with_the_known_ones(fakes: None) -> None:
    with pytest.raises(UserError, match="--only no such: no workload has that in its name"):
        command.gate_against("before", "cpu", "no such")


def in_git() -> bool:
    called = ["git", "-C", str(against.HERE), "rev-parse", "--verify", "HEAD"]
    return subprocess.run(called, capture_output=True, check=False).returncode == 0


needs_git = pytest.mark.skipif(not in_git(), reason="the code is not in a repository of git")


@needs_git
def test_an_unknown_revision_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"--against no-such: .*accepted: a revision of the repository"):
        command.gate_against("no-such", "cpu", "")


@needs_git
def test_two_real_processes_time_a_real_workload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(against, "LONGEST", 0.2)
    (found,) = against.compare("HEAD", "cpu", "augmentation")
    assert found.name == "augmentation"
    assert 0.5 < found.change < 2


def test_a_side_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    side = against.Side(tmp_path, "cpu")
    with pytest.raises(UserError, match=r"could not be timed: .*No module named"):
        side.ask("names")
    side.close()
