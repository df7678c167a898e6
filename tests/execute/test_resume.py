"""The whole program, with real cells, killed for real."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.results import tables
from bench.results.store import Store
from tests.fakes import same_runs

SUITE = """
name: tiny
description: two families, for a few steps
data: {name: digits, size: 16, train_sizes: [50, 100]}
augmentation: {group: D4, strengths: [0, 1]}
families: [{family: cnn, width: 2}, {family: gcnn, width: 1}]
budget: {steps: 6, batch_size: 16, evaluations: 2}
seeds: 2
measure: {equivariance: {angles: [90], samples: 16}}
"""
CELLS = 16


def started(suite: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench", "run", str(suite), "--out", str(out), "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_matrix_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    suite = tmp_path / "tiny.yaml"
    suite.write_text(SUITE)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    process = started(suite, whole, workers=1)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    draw = random.Random(1)
    process = started(suite, resumed, workers=2)
    least = draw.randint(2, CELLS // 2)
    while len(Store(resumed).scan()) < least and process.poll() is None:
        time.sleep(0.005)
    time.sleep(draw.random() * 0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert 2 <= len(Store(resumed).scan()) < CELLS
    process = started(suite, resumed, workers=2)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    left, right = tables.read(whole), tables.read(resumed)
    assert len(right.runs) == right.runs["cell_id"].nunique() == CELLS
    assert (right.runs["status"] == "done").all()
    for name in tables.NAMES:
        same_runs(getattr(left, name), getattr(right, name))


LONG = """
name: long
plugins: [often.py]
data: {name: digits, train_sizes: [200]}
augmentation: {strengths: [1]}
families: [{family: cnn, width: 4, channels: [1, 1], pool_after: [1], dropout: 0.2}]
budget: {steps: 1200, batch_size: 16, evaluations: 3, checkpoint: best}
seeds: 1
measure: {equivariance: null}
"""
OFTEN = """
from bench.registry import Options, datasets
from bench.train import snapshot

snapshot.APART = 0.1


@datasets.register("nothing", options=Options, version=1)
def load(options):
    '''A plug-in has to register something, and this one is here for the line above.'''
"""


def test_a_cell_that_was_killed_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    suite = tmp_path / "long.yaml"
    suite.write_text(LONG)
    (tmp_path / "often.py").write_text(OFTEN)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    process = started(suite, whole, workers=1)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    assert not (whole / "snapshots").exists()
    process = started(suite, resumed, workers=1)
    while not (kept := list((resumed / "snapshots").glob("*.pt"))) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not Store(resumed).scan()
    assert len(kept) == 1
    process = started(suite, resumed, workers=1)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    assert re.search(r"goes on after [\d,]+ of 1,200 steps", errors.decode())
    assert not (resumed / "snapshots").exists()
    left, right = tables.read(whole), tables.read(resumed)
    assert (right.runs["status"] == "done").all()
    for name in tables.NAMES:
        same_runs(getattr(left, name), getattr(right, name))
