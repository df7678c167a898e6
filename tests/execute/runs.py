"""Runs of cells in processes, as a person starts them, and what they left."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console

from bench.cell import Cell
from bench.execute import execute
from bench.execute.progress import Progress
from bench.results.store import Store
from bench.run import Runner

COUNT = 60


def started(results: Path, runner: str, count: int, workers: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fakes", str(results), runner, str(count), str(workers)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=100)
    return process.returncode, output


def wait_for_shards(results: Path, count: int, process: subprocess.Popen[str]) -> None:
    while len(Store(results).scan()) < count and process.poll() is None:
        time.sleep(0.002)


def ran(cells: list[Cell], runner: Runner, results: Path, workers: int = 2, console: Console | None = None) -> Store:
    store = Store(results)
    with Progress(len(cells), console or Console(file=io.StringIO())) as progress:
        execute(cells, partial(runner, device="cpu", timing="shared"), store, progress, workers, one_thread=True)
    return store


def run_of(store: Store, cell: Cell) -> dict[str, object]:
    status = store.scan()[cell.cell_id]
    shard = store.read(cell.cell_id, status)
    assert shard is not None
    return shard.record.run
