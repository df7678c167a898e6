"""What the harness costs beside the trainings: read as ratios to the first row of each group (`tox -e bench`)."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from bench.execute import execute
from bench.execute.progress import Progress
from bench.plan.matrix import make
from bench.results import store
from bench.results.folder import dumped
from bench.results.store import Store
from bench.suite import load
from tests.fakes import instant, make_cell, make_record

TEN_THOUSAND = """
name: large
data: {name: digits, size: 16, train_sizes: [50, 100, 200, 400, 1000]}
augmentation: {strengths: [0, 0.25, 0.5, 0.75, 1]}
families: [{family: cnn, width: [4, 5]}, {family: steerable, group: [C4, C8], width: 2}]
budget: {steps: 100}
seeds: 100
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite and, in ``out``, a result for each of its 10,000 cells."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "large.yaml").write_text(TEN_THOUSAND)
    suite = load(str(folder / "large.yaml"))
    plan = make(suite, set(), "large")
    assert len(plan.todo) == 10_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.os, "fsync", lambda descriptor: None)
        for cell in plan.todo:
            Store(folder / "out").write(cell, make_record(cell))
    (folder / "out" / "suite.yaml").write_text(dumped(suite))
    return folder


COMMANDS = {
    "1 import torch": ["-c", "import torch"],
    "2 equivaug plan": ["-m", "bench", "plan", "large.yaml", "--out", "out"],
    "3 equivaug run": ["-m", "bench", "run", "large.yaml", "--out", "out"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_finding_ten_thousand_cells_done(benchmark, finished: Path, name: str) -> None:
    benchmark.group = "10,000 cells that are all done"

    def command() -> str:
        called = [sys.executable, *COMMANDS[name]]
        return subprocess.run(called, cwd=finished, check=True, capture_output=True, text=True).stdout

    told = benchmark.pedantic(command, rounds=3)
    assert "import" in name or "10000 done" in told


def test_planning_a_hundred_thousand_cells(benchmark, tmp_path: Path) -> None:
    benchmark.group = "100,000 cells that are all to do, planned"
    (tmp_path / "large.yaml").write_text(TEN_THOUSAND.replace("seeds: 100", "seeds: 1000"))

    def plan() -> int:
        return len(make(load(str(tmp_path / "large.yaml")), set(), "large").cell_ids)

    assert benchmark.pedantic(plan, rounds=2) == 100_000


@pytest.mark.parametrize("name", ["1 the cells alone", "2 with pool, shard and progress"])
def test_a_hundred_empty_cells(benchmark, tmp_path: Path, name: str) -> None:
    benchmark.group = "100 cells that do nothing, workers started"
    cells = [make_cell(seed) for seed in range(100)]
    work = partial(instant, device="cpu", timing="exclusive")

    def with_harness() -> None:
        with Progress(len(cells), Console(file=io.StringIO())) as progress:
            execute(cells, work, Store(tmp_path), progress, workers=1, one_thread=True)

    benchmark.pedantic(with_harness if "pool" in name else lambda: [work(cell) for cell in cells], rounds=3)
