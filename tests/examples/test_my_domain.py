"""A domain and a task of a user's own, in one file: what the example registers keeps what every domain keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench import plugins
from bench.errors import UserError
from bench.execute.data import load_data
from bench.execute.job import run_cell
from bench.geometry import domain, domain_names, register_domain
from bench.measure import equivariance_error
from bench.networks.matching import build
from bench.plan.matrix import make
from bench.registry import datasets, families, measurements
from bench.suite import parse
from bench.tasks import TASKS, register_task

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_domain.py"

SUITE = {
    "name": "circle",
    "data": {"name": "bumps", "train_sizes": [60]},
    "augmentation": {"strengths": [0, 1]},
    "families": [{"family": "circle-cnn", "width": 4}, {"family": "circle-mlp", "width": 4}],
    "budget": {"steps": 4, "batch_size": 8},
    "seeds": 1,
    "measure": {"equivariance": {"angles": [90], "samples": 8}},
}


@pytest.fixture(scope="module")
def example() -> Iterator[ModuleType]:
    """The example as a loaded plug-in, which is forgotten afterwards."""
    known = dict(TASKS)
    with pytest.MonkeyPatch.context() as patch:
        for catalogue in (families, datasets, measurements):
            patch.setattr(catalogue, "_entries", {entry.name: entry for entry in catalogue})
        patch.setattr(plugins, "_loaded", {})
        patch.setattr(sys.modules["bench.geometry.domain"], "_plugged", {})
        (plugin,) = plugins.load([str(EXAMPLE)])
        assert plugin.registers[:2] == ("domain 'circle'", "task 'counting'")
        assert set(plugin.registers[2:]) == {"data set 'bumps'", "family 'circle-cnn'", "family 'circle-mlp'"}
        yield sys.modules[families["circle-cnn"].make.__module__]
    TASKS.clear()
    TASKS.update(known)


@given(st.integers(0, 31), st.integers(0, 31), st.integers(0, 31))
def test_turns_are_a_group(example: ModuleType, a: int, b: int, c: int) -> None:
    f, g, h = (example.Turn(steps, 32) for steps in (a, b, c))
    assert (f @ g) @ h == f @ (g @ h)
    assert f @ ~f == example.Turn(0, 32)


@given(st.integers(0, 2**20))
def test_move_is_act_of_what_was_drawn(example: ModuleType, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    signals = torch.randn(6, 2, 32, generator=generator)
    (steps,) = example.Turns(32).sample(1.0, 6, generator)
    moved = example.Circle().move(signals, (steps,))
    for i, step in enumerate(steps.tolist()):
        assert torch.equal(moved[i : i + 1], example.Circle().act(signals[i : i + 1], example.Turn(step, 32)))


def test_strength_bounds_the_turns(example: ModuleType) -> None:
    (steps,) = example.Turns(32).sample(0.25, 500, torch.Generator().manual_seed(0))
    assert set(steps.tolist()) == {*range(5), *range(28, 32)}
    assert not example.Turns(32).sample(0.0, 9, torch.Generator())[0].any()


def test_names_read_as_they_print_and_others_are_refused(example: ModuleType) -> None:
    assert "circle" in domain_names()
    assert str(domain("circle").group("C32")) == "C32"
    with pytest.raises(UserError, match="no group of the circle; known: C1, C2"):
        domain("circle").group("SO(2)")
    with pytest.raises(UserError, match="C16 does not turn signals of 32 points; C32 does"):
        make(parse({**SUITE, "augmentation": {"group": "C16"}}), set(), "here")


def test_the_network_keeps_its_law_and_the_plain_one_does_not(example: ModuleType) -> None:
    shape = load_data("bumps", {}).shape
    signals, g = torch.randn(8, 1, 32, generator=torch.Generator().manual_seed(1)), example.Turn(5, 32)
    for name, least, most in (("circle-cnn", 0.0, 1e-5), ("circle-mlp", 1e-2, 10.0)):
        entry = families[name]
        network = build(entry, entry.options(), shape, 8, seed=0)
        rows = equivariance_error(network, signals, [g], TASKS["classification"])
        assert least <= rows[-1]["error"] <= most


def test_whole_cells(example: ModuleType) -> None:
    for cell in make(parse(SUITE), set(), "here").cells:
        record = run_cell(cell, "cpu", "exclusive")
        assert (record.run["status"], record.run["reason"]) == ("done", None)
        assert (cell.domain, cell.task, cell.score) == ("circle", "counting", "rmse")
        assert record.run["test_score"] > 0


def test_names_that_are_taken_and_scores_that_no_table_knows_are_refused(example: ModuleType) -> None:
    with pytest.raises(UserError, match="the domain 'circle' is there already"):
        register_domain(domain("circle"))
    with pytest.raises(UserError, match="the task 'classification' is there already"):
        register_task(TASKS["classification"])
    odd = type(TASKS["counting"])(**{**vars(TASKS["counting"]), "name": "odd", "score": "bits"})
    with pytest.raises(UserError, match="the score 'bits'; accepted are accuracy, mean_iou, rmse"):
        register_task(odd)


def test_it_runs_from_its_suite_and_is_read_without_it(tmp_path: Path) -> None:
    (tmp_path / "circle.yaml").write_text(json.dumps({**SUITE, "plugins": [str(EXAMPLE)]}))
    command = [sys.executable, "-m", "bench"]
    root = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*command, "run", "circle.yaml", "--workers", "1"], **root)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    assert "domain 'circle', task 'counting'" in done.stdout
    runs = pd.read_parquet(tmp_path / "results/circle/runs.parquet")
    assert sorted(runs["family"].unique()) == ["circle-cnn", "circle-mlp"]
    # tables and their page need no plug-in: their score is one that every table knows
    report = subprocess.run([*command, "report", "results/circle"], **root)  # type: ignore[call-overload]
    assert report.returncode == 0, report.stderr
