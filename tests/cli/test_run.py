"""A whole small run: what it leaves, what runs again, what the other commands make of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench.execute.job import EXCLUSIVE
from bench.plan.estimate import Estimate, Line
from bench.plan.matrix import make
from bench.results import tables
from bench.results.folder import LOCK, TABLES
from bench.results.store import Store
from bench.run import carry_out
from bench.suite import load, parse
from tests.cli.calls import SMALL, called, write_suite
from tests.fakes import instant, same_runs


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


@pytest.mark.parametrize(("idle", "told"), [(3600.0, "about 1 h 00 min on an idle machine"), (11_000.0, "")])
def test_a_plan_that_was_measured_on_a_busy_machine_says_what_an_idle_one_takes(
    idle: float, told: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Estimate((Line("cnn", 4, 12_000.0, 10.0, idle, 2**20, None),), workers=1)
    monkeypatch.setattr("bench.plan.estimate.estimate", lambda *_: made)
    code, out, _ = called("plan", write_suite(here), "--set", "families.0.width=1", capsys=capsys)
    assert code == 0
    assert "about 3 h 20 min with 1 workers on cpu" in out
    assert told in out
    assert ("idle machine: the steps" in out) == bool(told)


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


def test_a_command_that_plans_done_cells_builds_no_network(
    results: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.plan.matrix.resolve", lambda *_: pytest.fail("a done cell needs no architecture"))
    code, out, _ = called("plan", write_suite(here), "--out", str(results), capsys=capsys)
    assert (code, "8 done" in out) == (0, True)
