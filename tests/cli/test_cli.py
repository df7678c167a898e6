"""The command line: a whole small run, and every mistake as one sentence with exit code 2 before anything is done."""

from __future__ import annotations

import copy
import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cli import main
from bench.execute.job import EXCLUSIVE
from bench.plan.matrix import make
from bench.results import tables
from bench.results.folder import LOCK, TABLES
from bench.results.store import Store
from bench.run import carry_out
from bench.suite import load, parse
from tests.fakes import instant, same_runs

SMALL: dict[str, Any] = {
    "name": "small",
    "data": {"name": "digits", "size": 16, "train_sizes": [20]},
    "augmentation": {"strengths": [0, 1]},
    "families": [{"family": "cnn", "width": [1, 2], "channels": [1], "pool_after": []}],
    "budget": {"steps": 2, "batch_size": 8, "evaluations": 1},
    "seeds": 2,
    "measure": {"equivariance": {"angles": [90], "samples": 8}},
}


def called(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return the exit code and what the command line wrote to each stream."""
    before = sys.argv
    sys.argv = ["equivaug", *arguments]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return code or 0, out, err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EQUIVAUG_DATA", str(tmp_path.parent / f"{tmp_path.name}-data"))
    return tmp_path


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take seconds, and have tests of their own."""
    monkeypatch.setattr("bench.figures.draw_all", lambda tables, folder: [])


def write_suite(folder: Path, **changes: Any) -> str:
    """Write ``SMALL`` with changes to its parts, and return its path."""
    raw = copy.deepcopy(SMALL)
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(raw))
    return str(path)


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


def test_a_run_leaves_tables_figures_and_the_suite(results: Path) -> None:
    names = {path.name for path in results.iterdir()}
    assert names == {"cells", "figures", "suite.yaml", *TABLES} | (names & {LOCK})
    assert list((results / "figures").glob("*.png"))
    runs = tables.read(results).runs
    assert list(runs["status"]) == ["done"] * 8
    # one worker: each had a processor for itself, unless this machine did not give it one
    assert ((runs["timing"] == "exclusive") == (runs["cpu_share"] >= EXCLUSIVE)).all()
    assert runs["group"].eq("C1").all()
    read = yaml.safe_load((results / "suite.yaml").read_text())
    assert parse(read) == parse(SMALL)


@pytest.mark.usefixtures("without_figures")
def test_a_damaged_and_a_lost_shard_run_again_with_the_same_numbers_on_any_number_of_workers(
    results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite, copied = write_suite(here), shutil.copytree(results, here / "copied")
    damaged, lost = sorted((copied / "cells").iterdir())[:2]
    damaged.write_bytes(damaged.read_bytes()[:100])
    lost.unlink()
    told = f"damaged: {damaged.relative_to(here)} is not what was written; its cell runs again"
    code, out, _ = called("plan", suite, "--out", "copied", capsys=capsys)
    assert told in out
    assert "6 done, 2 to do" in out
    code, out, _ = called("run", suite, "--out", "copied", "--workers", "2", capsys=capsys)
    assert code == 0
    assert told in out
    assert out.count(": accuracy ") == 2
    runs = tables.read(copied).runs
    same_runs(runs, tables.read(results).runs)
    again = runs["cell_id"].isin([path.name.partition(".")[0] for path in (damaged, lost)])
    assert (runs.loc[again, "timing"] == "shared").all()


def test_what_is_done_is_not_run_again_and_needs_no_probe(
    results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called("plan", write_suite(here), "--out", str(results), capsys=capsys)
    assert (code, out) == (0, f"8 cells in {results}: 8 done, 0 to do, 0 impossible\n")


def test_a_plan_measures_what_is_left(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("plan", write_suite(here), "--set", "families.0.width=1", capsys=capsys)
    assert code == 0
    assert "0 done, 4 to do, 0 impossible" in out
    assert "peak memory of a worker" in out
    assert not (here / "results").exists()


def test_a_plan_counts_fresh_seeds_once_whatever_the_strengths_to_choose_from(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ("seeds={pilot: 1, least: 3, most: 5}", "families.0.width=1", "augmentation.strengths=[0, 0.5, 1]")
    sets = [part for change in changes for part in ("--set", change)]
    code, out, _ = called("plan", write_suite(here), *sets, capsys=capsys)
    assert code == 0
    most = re.search(r"^at most: (\d+) cells", out, re.MULTILINE)
    assert most
    assert f"up to {most[1]} cells in results/small: 0 done, {most[1]} to do, 0 impossible" in out


def test_the_suite_that_a_run_leaves_is_a_suite_file(
    results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = shutil.copytree(results, here / "copied")
    before = (copied / "suite.yaml").read_bytes()
    code, out, _ = called("run", "copied/suite.yaml", "--out", "copied", capsys=capsys)
    assert (code, out.count(": accuracy ")) == (0, 0)
    assert (copied / "suite.yaml").read_bytes() == before
    same_runs(tables.read(copied).runs, tables.read(results).runs)


@pytest.mark.usefixtures("without_figures")
def test_labels_that_the_suite_changes_change_in_the_tables(
    results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(results, here / "copied")
    renamed = write_suite(here, families=[{**SMALL["families"][0], "label": "mine"}])
    code, out, _ = called("run", renamed, "--out", "copied", capsys=capsys)
    assert (code, out.count(": accuracy ")) == (0, 0)
    assert set(tables.read(here / "copied").runs["label"].str.rpartition()[0]) == {"mine width"}


def test_figures_of_earlier_tables_are_removed_and_a_persons_files_stay(
    results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = shutil.copytree(results, here / "copied") / "figures"
    stale = [figures / "score_by_size.png", figures / "learning_curves-D4.pdf"]
    for path in (*stale, figures / "mine.png"):
        path.write_text("old")
    code, out, _ = called("plot", "copied", capsys=capsys)
    assert code == 0
    assert "not drawn: score_by_size, because 20 is the only training-set size" in out
    assert not any(path.exists() for path in stale)
    assert (figures / "mine.png").read_text() == "old"


@pytest.mark.parametrize(
    ("arguments", "in_the_way"),
    [
        (["run", "suite.yaml", "--out", "file/below"], "file"),
        (["plan", "suite.yaml", "--out", "out"], "out/cells"),
        (["plot", "out"], "out/figures"),
        (["tables", "file/below"], "file"),
        (["merge", "file/below", "--into", "x"], "file"),
    ],
)
def test_a_file_in_the_way_is_one_sentence(
    arguments: list[str], in_the_way: str, results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_suite(here)
    out = shutil.copytree(results, here / "out")
    for folder in ("cells", "figures"):
        if in_the_way.endswith(folder):
            shutil.rmtree(out / folder)
    (here / in_the_way).write_text("a file")
    code, _, err = called(*arguments, capsys=capsys)
    assert code == 2
    assert err.startswith(f"equivaug: {in_the_way}")
    assert err.count("\n") == 1
    assert (here / in_the_way).read_text() == "a file"


def test_output_that_nobody_reads_ends_the_command_quietly() -> None:
    command = f"{sys.executable} -m bench list families | head -1"
    told = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (told.stdout.count("\n"), told.stderr) == (1, "")


def test_tables_and_plot_rebuild_from_what_is_there(
    results: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = shutil.copytree(results, here / "copied")
    before = (results / "runs.parquet").read_bytes()
    (results / "runs.parquet").unlink()
    code, out, _ = called("tables", str(results), capsys=capsys)
    assert code == 0
    assert "8 cells (8 done)" in out
    assert (results / "runs.parquet").read_bytes() == before
    figure = next((results / "figures").glob("*.png"))
    figure.unlink()
    assert called("plot", str(results), capsys=capsys)[0] == 0
    assert figure.exists()


@pytest.mark.usefixtures("without_figures")
def test_fresh_removes_only_what_the_tool_wrote(results: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied = shutil.copytree(results, here / "copied")
    (copied / "README.md").write_text("notes")
    one = write_suite(here, seeds=[5], augmentation={"strengths": [0]}, families=[{**SMALL["families"][0], "width": 1}])
    code, _, err = called("run", one, "--out", "copied", capsys=capsys)
    assert code == 2
    assert "copied holds 8 cells that this suite does not have" in err
    assert len(Store(copied).scan()) == 8
    (copied / "cells" / "notes.json").write_text("notes")
    assert carry_out(make(load(one), set(), one), instant, copied, "cpu", 1, fresh=True) == 0
    assert list(tables.read(copied).runs["seed"]) == [5]
    assert (copied / "README.md").read_text() == (copied / "cells" / "notes.json").read_text() == "notes"


@pytest.mark.usefixtures("without_figures")
def test_an_impossible_variant_is_a_skipped_row_with_its_reason(here: Path) -> None:
    suite = write_suite(
        here,
        seeds=1,
        augmentation={"strengths": [0]},
        families=[{"family": "cnn", "channels": [1], "pool_after": []}],
        match={"by": "parameters", "target": [1, 268]},
    )
    plan = make(load(suite), set(), suite)
    assert (len(plan.todo), len(plan.impossible)) == (1, 1)
    assert carry_out(plan, instant, here / "out", "cpu", 1) == 0
    runs = tables.read(here / "out").runs.set_index("status")
    assert set(runs.index) == {"done", "skipped"}
    assert "no width" in str(runs.loc["skipped", "reason"])


MISTAKES: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "unknown key": ({"seed": 3}, [], "suite.yaml: seed: unknown key; did you mean 'seeds'?"),
    "wrong type": ({"seeds": "two"}, [], "suite.yaml: seeds: should be a valid integer or should be a list"),
    "empty axis": ({"budget": {"lr": []}}, [], "suite.yaml: budget.lr: an empty list; give at least one value"),
    "override": ({}, ["--set", "budget.stepz=3"], "budget.stepz: unknown key; did you mean 'steps'?"),
    "too many images": (
        {"data": {"train_sizes": [20, 5000]}},
        [],
        "data.train_sizes: 5000 is more than the 1000 training images of 'digits'",
    ),
    "group that a family lacks": (
        {"families": [{"family": "gcnn", "group": "SO(2)", "width": 1}]},
        [],
        "suite.yaml: families[0].group: ",
    ),
    "image too small": ({"data": {"size": 8}}, [], "suite.yaml: data.size: should be greater than or equal to"),
    "target that no width reaches": (
        {"families": [{"family": "cnn"}], "match": {"target": 3}},
        [],
        "families[0]: no width of cnn",
    ),
    "missing data file": ({"data": {"name": "npz", "path": "nowhere.npz"}}, [], "nowhere.npz"),
    "unknown device": ({}, ["--device", "gpu"], "--device gpu: unknown device; known: auto, cpu, cuda"),
    "absent device": ({}, ["--device", "cuda:99"], "--device cuda:99: this machine has"),
    "a file for a folder": ({}, ["--out", "suite.yaml"], "suite.yaml is a file; --out names a folder"),
    "an unwritable folder": ({}, ["--out", "/proc/results"], "/proc/results"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    case: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, options, told = MISTAKES[case]
    suite = write_suite(here, **changes)
    code, out, err = called("run", suite, *options, capsys=capsys)
    assert code == 2, out + err
    assert out == ""
    assert err.startswith("equivaug: ")
    assert told in err
    assert err.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["suite.yaml"]


def test_a_corrupt_data_file_is_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine.npz").write_bytes(b"PK no archive")
    raw = {**SMALL, "data": {"name": "npz", "path": "mine.npz", "train_sizes": [20]}}
    (here / "s.yaml").write_text(yaml.safe_dump(raw))
    code, _, err = called("run", "s.yaml", capsys=capsys)
    assert code == 2
    assert "mine.npz" in err
    assert err.count("\n") == 1


def test_a_corrupt_download_is_one_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EQUIVAUG_DATA", str(here / "data"))
    from bench.domains.plane.data.mnist import FILES

    for file in FILES:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(gzip.compress(b"not the published bytes"))
    code, _, err = called("run", write_suite(here, data={"name": "mnist"}), capsys=capsys)
    assert code == 2
    assert "is not the published file" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"notes.txt": "mine"}, "is not empty and no results folder"),
        ({"suite.yaml": "name: small\n"}, "out/suite.yaml was not written by equivaug and would be lost"),
        ({"suite.yaml": "# written by equivaug\nname: other\n"}, "holds the results of suite 'other', not 'small'"),
        ({"suite.yaml": "# written by equivaug\n- no\n"}, "holds the results of suite 'None', not 'small'"),
    ],
)
@pytest.mark.parametrize("mode", ["--resume", "--fresh"])
def test_a_folder_of_something_else_is_left_alone(
    content: dict[str, str], told: str, mode: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "out").mkdir()
    for name, text in content.items():
        (here / "out" / name).write_text(text)
    code, _, err = called("run", write_suite(here), "--out", "out", mode, capsys=capsys)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
    assert {path.name: path.read_text() for path in (here / "out").iterdir()} == content


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tables", "nowhere"], "nowhere has no folder 'cells'"),
        (["plot", "nowhere"], "nowhere is not a results folder"),
        (["merge", "nowhere", "--into", "x"], "nowhere has no folder 'cells'"),
        (["list", "familys"], "nothing to list of 'familys'; did you mean 'families'?"),
        (["data", "fetch", "minst"], "unknown data set 'minst'; did you mean 'mnist'?"),
        (["run", "quik"], "unknown suite 'quik'; did you mean 'quick'?"),
        (["plan", "none.yaml"], "there is no suite file none.yaml"),
    ],
)
def test_every_command_tells_a_mistake_in_one_sentence(
    arguments: list[str], told: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = called(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert not list(here.iterdir())


@pytest.mark.parametrize("arguments", [["run"], ["run", "quick", "--workers", "0"], ["runn"], ["run", "quick", "--x"]])
def test_usage_errors_end_with_2_and_no_traceback(
    arguments: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = called(*arguments, capsys=capsys)
    assert code == 2
    assert "Error" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["families", "datasets", "suites", "augmentations"])
def test_lists_have_a_line_for_each_and_its_options(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("list", kind, capsys=capsys)
    assert code == 0
    known = {"families": "cnn: ", "datasets": "digits: ", "suites": "quick: ", "augmentations": "SO(2): "}
    assert any(line.startswith(known[kind]) for line in out.splitlines())
    option = {"families": "    dropout (number; default 0.0)", "datasets": "    size (integer; default 28)"}
    assert option.get(kind, "") in out
    assert "PydanticUndefined" not in out


def test_the_schema_prints_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("schema", capsys=capsys)
    assert code == 0
    assert json.loads(out)["required"] == ["name", "data", "families", "budget"]


def test_the_doctor_tells_what_is_here_and_how_to_get_the_rest(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("doctor", capsys=capsys)
    assert code == 0
    for told in ("torch: ", "device: cpu", "data digits: comes with", "equivaug data fetch mnist", "EQUIVAUG_DATA"):
        assert told in out


def test_the_doctor_fails_where_a_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.doctor.report.LIBRARIES", ("numpy", "no-such-library"))
    code, out, _ = called("doctor", capsys=capsys)
    assert code == 1
    assert "no-such-library: missing; python -m pip install no-such-library" in out


def test_data_that_needs_no_download_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("data", "fetch", "digits", capsys=capsys) == (0, "digits needs no download\n", "")


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    code = "import sys, bench.cli; print(*sorted({'torch', 'pandas', 'matplotlib', 'e2cnn'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_a_command_that_plans_done_cells_builds_no_network(
    results: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.plan.matrix.resolve", lambda *_: pytest.fail("a done cell needs no architecture"))
    code, out, _ = called("plan", write_suite(here), "--out", str(results), capsys=capsys)
    assert (code, "8 done" in out) == (0, True)
