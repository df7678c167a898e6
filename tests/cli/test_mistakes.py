"""Every mistake is one sentence with exit code 2, before anything is done."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.calls import SMALL, called, write_suite

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
