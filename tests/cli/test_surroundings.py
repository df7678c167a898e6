"""What surrounds a command: terminals without Unicode, odd backends, odd names, and trouble once training is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.cli import main
from bench.errors import is_unicode, printable
from bench.plaintext import HANDLER
from bench.plan.estimate import Estimate, Line
from bench.plan.matrix import make
from bench.results import tables as made
from bench.run import carry_out
from bench.suite import parse
from tests.fakes import instant
from tests.matrices import matrix, noise

SMALL = {
    "name": "small",
    "data": {"name": "digits", "size": 16, "train_sizes": [20]},
    "families": [{"family": "cnn", "width": 1}],
    "budget": {"steps": 2, "batch_size": 8},
    "seeds": 1,
}


def equivaug(*arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command: list[Any] = [sys.executable, "-m", "bench", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    return subprocess.run(command, capture_output=True, check=False, env=surroundings)


def ahead(label: str, size: int, strength: float, seed: int) -> float:
    return (0.9 if label == "steerable C8" else 0.8) + noise(label, size, strength, seed)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder whose name and labels no terminal but a Unicode one can show."""
    folder = tmp_path_factory.mktemp("surroundings") / "Größe ≥ 1"
    made.write(matrix(ahead, {"cnn": "C1", "steerable C8": "C8", "naïve ≤ 1": "C1"}), folder)
    return folder


# terminals


COMMANDS = {
    "tables": ["tables", "RESULTS", "--format", "md"],
    "controls": ["tables", "RESULTS", "--format", "latex", "--of", "controls"],
    "compare": ["compare", "RESULTS", "RESULTS"],
    "report": ["report", "RESULTS"],
    "plot": ["plot", "RESULTS"],
    "list": ["list", "families"],
    "suites": ["list", "suites"],
    "schema": ["schema"],
    "a mistake": ["run", "größe-網.yaml"],
    "help": ["run", "--help"],
}


@pytest.mark.parametrize(
    ("command", "encoding"), [*((command, "ascii") for command in COMMANDS), ("tables", "latin-1")]
)
def test_every_command_writes_to_a_terminal_without_unicode(results: Path, command: str, encoding: str) -> None:
    arguments = [str(results) if each == "RESULTS" else each for each in COMMANDS[command]]
    done = equivaug(*arguments, PYTHONIOENCODING=encoding, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C.UTF-8")
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if command == "a mistake" else 0), done.stderr
    (done.stdout + done.stderr).decode(encoding)
    if command == "tables" and encoding == "ascii":
        assert b" +- " in done.stdout
        assert b"naive <= 1" in done.stdout


def test_what_a_terminal_lacks_is_written_in_plain_letters() -> None:
    assert "92 ± 1, naïve, 網, \udce9".encode("ascii", HANDLER) == b"92 +- 1, naive, \\u7db2, \\udce9"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", HANDLER)


# backends


BACKENDS = ["module://matplotlib_inline.backend_inline", "nonsense", "TkAgg"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_backend_from_outside_matters_to_a_command_that_writes_files(
    results: Path, tmp_path: Path, backend: str
) -> None:
    copied = tmp_path / "results"
    made.write(made.read(results), copied)
    for command in (["plot"], ["report"]):
        done = equivaug(*command, str(copied), MPLBACKEND=backend)
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""
    assert list((copied / "figures").glob("*.png"))


# after training


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("bench.figures.draw_all", "the figures could not be made: RuntimeError: no ink; `equivaug plot"),
        ("bench.analysis.headline.headline", "the verdict could not be made: RuntimeError: no ink; `equivaug report"),
    ],
)
def test_what_fails_after_training_takes_nothing_else_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str, told: str
) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError("no\nink")

    monkeypatch.setattr(broken, fail)
    if "figures" not in broken:
        monkeypatch.setattr("bench.figures.draw_all", lambda tables, folder: [])
    plan = make(parse(SMALL), set(), "small")
    assert carry_out(plan, instant, tmp_path / "out", "cpu", 1) == 0
    out, err = capsys.readouterr()
    assert err.startswith(told)
    assert err.count("\n") == 1
    assert "tables: " in out
    assert "2 cells: 2 done" in out
    assert ("verdict: " in out) == ("figures" in broken)
    assert list(made.read(tmp_path / "out").runs["status"]) == ["done"] * 2


def test_advice_is_written_before_the_report_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.advise import command

    def fail(*arguments: Any) -> None:
        raise RuntimeError("no ink")

    made.write(matrix(ahead), tmp_path)
    monkeypatch.setattr(command.report, "write", fail)
    command._answer(tmp_path, [])
    assert (tmp_path / command.ADVICE).read_text().startswith(f"# {tmp_path.name}\n\nFor images as they come: ")


# names


def test_results_whose_folder_is_not_unicode_are_read_and_reported(results: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    made.write(made.read(results), Path(os.fsdecode(folder)))
    for command in (["report"], ["plot"], ["tables", "--format", "md"]):
        done = equivaug(command[0], folder, *command[1:])
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""
    assert b"caf\\udce9" in Path(os.fsdecode(folder), "report.html").read_bytes()


def test_a_data_folder_that_is_not_unicode_is_named(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9.npz"
    Path(os.fsdecode(folder)).write_bytes(b"words")
    done = equivaug("advise", folder, "--yes")
    assert done.returncode == 2
    assert done.stderr.startswith(b"equivaug: ")
    assert done.stderr.count(b"\n") == 1
    assert b"caf\\udce9.npz" in done.stderr


def test_what_an_error_quotes_stays_on_its_line() -> None:
    assert printable("a\nb\x1b[31m\udce9 é 網") == "a\\nb\\x1b[31m\\udce9 é 網"
    assert is_unicode("é 網")
    assert not is_unicode("caf\udce9")


# numbers as flags

NUMBERS = ("inf", "-inf", "nan", "0", "-1", "-0.0", "1.5", "1e308", "1e-308", "", "9223372036854775808", "1" + "0" * 40)


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Return the exit code of a command that ends as commands do; other exceptions pass through."""
    monkeypatch.setattr("sys.argv", ["equivaug", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_as_a_flag_is_taken_or_refused(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "bench.plan.estimate.estimate", lambda *_: Estimate((Line("cnn", 1, 1.0, 1.0, 1.0, None, None),), 1)
    )
    (tmp_path / "s.yaml").write_text(json.dumps(SMALL))
    folder = str(results)
    for arguments in (
        ["plan", "s.yaml", "--workers", number],
        ["compare", folder, folder, "--tolerance", number],
        ["advise", "nowhere", "--minutes", number],
        ["show", "fields", "--size", "16", "--frames", "2", "--seed", number],
        ["show", "fields", "--frames", "2", "--size", number if len(number) < 4 else "inf"],
        ["show", "fields", "--size", "16", "--frames", number],
        ["show", "kernels", "--size", number],
        ["show", "augmentations", "--strengths", number],
        ["show", "augmentations", "--seed", number],
    ):
        assert ended(monkeypatch, *arguments) in (0, 2), arguments
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_no_tolerance_lets_everything_pass(results: Path, monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    assert ended(monkeypatch, "compare", str(results), str(results), "--tolerance", number) == 2


# version and help


def test_the_version_is_printed() -> None:
    assert equivaug("--version").stdout.decode() == f"equivaug {bench.__version__}\n"


@pytest.mark.parametrize("group", [(), ("data",), ("show",)])
def test_no_command_is_described_by_half_a_sentence(group: tuple[str, ...]) -> None:
    """On a terminal of 80 columns; only the usage line has dots."""
    lines = equivaug(*group, "--help", COLUMNS="80").stdout.decode().splitlines()
    assert len(lines) > 5
    assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage")]
