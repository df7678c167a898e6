"""From a folder to an answer."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from bench.advise import command, proposal
from bench.advise.images import data_options
from bench.advise.proposal import Scale
from bench.cli import main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    digits = load_digits()
    for i in np.flatnonzero(digits.target < 3)[:180]:
        folder = tmp_path / "photos" / str(digits.target[i])
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((digits.images[i] * 15.9).astype(np.uint8)).resize((16, 16))
        image.save(folder / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposal, "FAMILIES", ({"family": "cnn"}, {"family": "steerable", "group": "D1"}))
    monkeypatch.setattr(proposal, "GROUPS", ("D1",))
    scales = (Scale((0, 1), 1, 2),)
    monkeypatch.setattr(proposal, "SCALES", scales)
    monkeypatch.setattr(command, "SCALES", scales)
    monkeypatch.setattr(proposal, "LEAST", 5)
    monkeypatch.setattr(proposal, "MOST", 12)


def call(*arguments: str | Path) -> int:
    sys.argv = ["equivaug", "advise", *map(str, arguments)]
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("small")
def test_a_folder_of_images_gets_an_answer_and_goes_on_where_it_stopped(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call(photos, "--minutes", "5", "--out", out) == 2
    assert "add --yes" in capsys.readouterr().err
    assert not out.exists()
    assert call(photos, "--minutes", "5", "--out", out, "--yes", "--workers", "1") == 0
    said = capsys.readouterr().out
    assert "180 images (grey, used at 16 x 16 pixels) of 3 classes" in said
    assert "For images as they come: " in said
    assert (out / "ADVICE.md").read_text().splitlines()[2] in said
    runs = pd.read_parquet(out / "runs.parquet")
    assert set(runs["status"]) == {"done"}
    assert math.isclose(runs["flops_per_example"].max(), runs["flops_per_example"].min(), rel_tol=0.06)
    assert call(photos, "--out", out) == 0
    again = capsys.readouterr().out
    assert "going on with the plan" in again
    assert "8 cells: 8 done" in again


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "is neither a folder with a subfolder of images for each class nor an .npz file"),
        (lambda path: path.mkdir(), "has 0 class folders"),
        (lambda path: path.write_text("x"), "is neither a folder"),
    ],
    ids=["nothing", "empty", "a file"],
)
def test_what_is_no_data_is_one_sentence(
    make: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "photos")
    assert call(tmp_path / "photos", "--yes") == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_an_archive_is_taken_at_its_size_or_smaller(tmp_path: Path) -> None:
    for side, expected in ((20, {}), (40, {"size": 32}), (8, {"size": 16})):
        np.savez(tmp_path / "a.npz", images=np.zeros((4, side, side), np.uint8), labels=np.arange(4) % 2)
        options = data_options(tmp_path / "a.npz", 32)
        assert {key: value for key, value in options.items() if key == "size"} == expected
