"""The Python API: from a suite to DataFrames and figures, in a script, from `python -c`, in a notebook."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench import api
from bench.cli import main
from bench.errors import UserError
from bench.plan.estimate import Estimate, Line
from tests.data.files import save_images

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


def python(*arguments: str, cwd: Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment, input=given)


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
    assert api.draw(tables, "score_by_strength", on=axes) is axes.get_figure()
    assert api.draw(tables, "accuracy_by_strength") is not None  # its name in 0.1
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
    with pytest.raises(UserError, match="score_by_size cannot be drawn: 60 is the only training-set size"):
        api.draw(tables, "score_by_size")


def test_it_works_without_a_main_module_to_import(tmp_path: Path) -> None:
    """As in a notebook, whose __main__ has no file, and as in `python -c`."""
    code = f"from bench import api; print(len(api.run({SUITE!r}, workers=2).runs))"
    done = python("-c", code, cwd=tmp_path)
    assert done.stdout == "4\n", done.stderr


UNGUARDED = f"""
from bench import api
tables = api.run({SUITE!r}, workers=1)
print(len(tables.runs), set(tables.runs["status"]))
"""


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "module://no.such.backend", ""])
def test_a_script_that_guards_nothing_works_whatever_backend_it_inherits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("MPLBACKEND", backend)
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = python("script.py", cwd=tmp_path)
    assert done.stdout == "4 {'done'}\n", done.stderr
    assert done.stderr == ""


def test_a_script_on_standard_input_works(tmp_path: Path) -> None:
    done = python("-", cwd=tmp_path, given=UNGUARDED)
    assert done.stdout == "4 {'done'}\n", done.stderr
    assert done.stderr == ""


def test_the_readmes_lines_work_as_they_stand(tmp_path: Path) -> None:
    """With fewer cells and steps, and axes that the script need not see."""
    readme = (ROOT / "README.md").read_text()
    lines = readme.partition("```python\n")[2].partition("```")[0]
    assert lines.count('overrides=["seeds=1"]') == 1
    small = ["seeds=1", "budget.steps=4", "budget.evaluations=1", "data.train_sizes=[100]", "data.size=16"]
    small.append("families=[{family: cnn, width: 2}, {family: gcnn, width: 1}]")
    (tmp_path / "script.py").write_text(lines.replace('["seeds=1"]', repr(small)))
    done = python("script.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("On digits", "No answer"))
    assert done.stderr == ""


REGISTERS = """
from bench import api
from bench.domains.plane.models import cnn
from bench.registry import families

@families.register("mine", options=cnn.families["cnn"].options, version=1)
def build(options, shape, width):
    "A plain network under another name."
    return families["cnn"].make(options, shape, width)

"""
MINE = {**SUITE, "families": [{"family": "mine", "width": 2}]}
RUN = f'print(set(api.run({MINE!r}, workers=1).runs["status"]))\n'


def test_a_script_that_registers_something_itself_guards_its_calls_or_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "guarded.py").write_text(f"{REGISTERS}if __name__ == '__main__':\n    {RUN}")
    done = python("guarded.py", cwd=tmp_path)
    assert done.stdout == "{'done'}\n", done.stderr
    (tmp_path / "open.py").write_text(REGISTERS + RUN)
    done = python("open.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "keep its calls of api.run behind if __name__ == '__main__':" in done.stderr
    assert "UserError: no cell of 'small' has a result" in done.stderr.splitlines()[-1]
    done = python("-", cwd=tmp_path, given=REGISTERS + RUN)
    assert "registered in a notebook or on standard input, where workers cannot see it" in done.stderr


def test_what_a_data_set_left_out_is_a_warning_and_a_line_of_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = save_images(tmp_path / "photos", {"cat": 20, "dog": 20})
    (images / "cat" / "more.webp").write_bytes(b"")
    data = {"name": "image-folder", "path": str(images), "size": 16, "train_sizes": [20]}
    with pytest.warns(UserWarning, match="image-folder: ") as told:
        api.run({**SUITE, "data": data, "augmentation": {"strengths": [0]}, "seeds": 1}, workers=1)
    assert [str(each.message) for each in told] == [
        "image-folder: left out: 1 files of other kinds (1 .webp); accepted are .png, .jpg, .jpeg",
        "image-folder: 40 of 40 images are not square: cut to the square in the middle ('fit')",
    ]
    (tmp_path / "suite.yaml").write_text(json.dumps({**SUITE, "data": data}))
    monkeypatch.setattr("sys.argv", ["equivaug", "plan", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "out")])
    monkeypatch.setattr(
        "bench.plan.estimate.estimate", lambda *_: Estimate((Line("cnn", 1, 1.0, 1.0, 1.0, None, None),), 1)
    )
    with contextlib.suppress(SystemExit):
        main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("image-folder: left out: 1 files of other kinds")
    assert lines[1].startswith("image-folder: 40 of 40 images are not square")


def test_a_run_of_which_nothing_finished_raises_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        REGISTERS.replace('return families["cnn"].make(options, shape, width)', 'raise OSError("no idea")')
    )
    suite = {**MINE, "families": [{"family": "mine", "width": 2}]}
    code = f"from bench import api; api.run({suite!r}, plugins=['broken.py'], workers=1)"
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 1
    assert "no idea" in done.stderr.splitlines()[-1]


def test_the_example_runs(tmp_path: Path) -> None:
    done = python(str(ROOT / "examples/api.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gcnn C4" in done.stdout
    assert (tmp_path / "from-python.png").stat().st_size > 10_000
