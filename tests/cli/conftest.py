"""Where commands are tried: a folder of their own, and the results of a small run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calls import write_suite


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EQUIVAUG_DATA", str(tmp_path.parent / f"{tmp_path.name}-data"))
    return tmp_path


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take seconds, and have tests of their own."""
    monkeypatch.setattr("bench.figures.draw_all", lambda tables, folder: [])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of the small suite, as a person starts it."""
    folder = tmp_path_factory.mktemp("run")
    command = [
        sys.executable,
        "-m",
        "bench",
        "run",
        write_suite(folder),
        "--out",
        str(folder / "out"),
        "--workers",
        "1",
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count(": accuracy ") == 8
    assert "8 cells: 8 done" in told.stdout
    return folder / "out"
