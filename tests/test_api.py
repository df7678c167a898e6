"""The Python API: from a suite to DataFrames and figures, in a script, from `python -c`, in a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench import api
from bench.errors import UserError

ROOT = Path(__file__).parent.parent
SUITE = {
    "name": "small",
    "data": {"name": "digits", "size": 16, "train_sizes": [60]},
    "augmentation": {"strengths": [0, 1]},
    "families": [{"family": "cnn", "width": 2}],
    "budget": {"steps": 4, "batch_size": 8},
    "seeds": 2,
    "measure": {"equivariance": {"angles": [90], "samples": 8}},
}


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment)


def test_a_suite_runs_into_frames_and_goes_on_in_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = api.run(SUITE, tmp_path / "out", workers=1)
    assert capsys.readouterr().out == ""
    assert tables.runs["status"].to_list() == ["done"] * 4
    assert len(tables.curves) > 0 < len(tables.equivariance)
    before = (tmp_path / "out/cells").stat().st_mtime_ns
    again = api.run(SUITE, tmp_path / "out", workers=1)
    assert (tmp_path / "out/cells").stat().st_mtime_ns == before
    assert again.runs.equals(tables.runs)
    assert api.read(tmp_path / "out").runs.equals(tables.runs)
    axes = Figure().add_subplot()
    assert api.draw(tables, "accuracy_by_strength", on=axes) is axes.get_figure()
    assert "No answer" in api.verdict(tables).headline


def test_a_suite_is_loaded_from_a_name_a_file_and_a_mapping(tmp_path: Path) -> None:
    assert api.load("quick", ["seeds=1"]).seeds == 1
    assert api.load(ROOT / "suites/quick.yaml").name == "quick"
    assert api.load(SUITE).name == "small"
    with pytest.raises(UserError, match="unknown suite 'quik'; did you mean 'quick'"):
        api.load("quik")


def test_what_cannot_be_drawn_is_one_sentence(tmp_path: Path) -> None:
    tables = api.run(SUITE, workers=1)
    with pytest.raises(UserError, match="unknown figure 'accuracy'"):
        api.draw(tables, "accuracy")
    with pytest.raises(UserError, match="accuracy_by_size cannot be drawn: 60 is the only training-set size"):
        api.draw(tables, "accuracy_by_size")


def test_it_works_without_a_main_module_to_import(tmp_path: Path) -> None:
    """As in a notebook, whose __main__ has no file, and as in `python -c`."""
    code = f"from bench import api; print(len(api.run({SUITE!r}, workers=2).runs))"
    done = python("-c", code, cwd=tmp_path)
    assert done.stdout == "4\n", done.stderr


def test_the_example_runs(tmp_path: Path) -> None:
    done = python(str(ROOT / "examples/api.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gcnn C4" in done.stdout
    assert (tmp_path / "from-python.png").stat().st_size > 10_000
