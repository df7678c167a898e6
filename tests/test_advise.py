"""The advice for a user's own images: what it says of matrices with known answers, and one run from a folder to it."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from bench.advise import command, proposal
from bench.advise.images import data_options
from bench.advise.proposal import SCALES, Scale, name_of, propose, train_sizes
from bench.analysis.advice import advice
from bench.cli import main
from bench.data.dataset import Dataset, Split
from bench.errors import UserError
from bench.estimate import Estimate, Line
from bench.suite import Suite
from bench.tables import Tables
from tests.matrices import matrix, noise

LABELS = {"cnn": "C1", "steerable C8": "C8"}


def matrix_of(upright: Any, transformed: Any) -> Tables:
    """Return a matrix with one size whose upright and transformed accuracies are functions of (label, strength)."""
    tables = matrix(lambda label, size, s, seed: upright(label, s) + noise(label, size, s, seed), LABELS, sizes=(500,))
    moved = [
        transformed(row.label, row.strength) + noise(row.label, 1, row.strength, row.seed)
        for row in tables.runs.itertuples()
    ]
    for column in ("transformed_accuracy", "transformed_validation_accuracy"):
        tables.runs[column] = moved
    tables.runs["steps"] = 400.0
    return tables


# as digits: what is learned upright does not hold when moved, and a network blind to it takes 6 for 9
DIGITS = matrix_of(lambda label, s: 0.95 if label == "cnn" and s == 0 else 0.88, lambda _, s: 0.88 if s else 0.4)
# as cells under a microscope: there is no upright, and building it in helps
CELLS = matrix_of(*[lambda label, s: (0.92 if label != "cnn" else 0.8) + 0.02 * s] * 2)
# nothing matters
FLAT = matrix_of(*[lambda *_: 0.9] * 2)
# the equivariant network is ahead by half of what a seed does
SLIGHT = matrix_of(*[lambda label, _: 0.9 + 0.0007 * (label != "cnn")] * 2)


@pytest.mark.parametrize(
    ("tables", "headline", "reason"),
    [
        (DIGITS, "use the plain network (cnn) without augmentation", "do not augment it away"),
        (
            CELLS,
            "use steerable C8 with augmentation by SO(2) of strength 1",
            "the images look alike when they are moved",
        ),
        (FLAT, "use the plain network (cnn) without augmentation; nothing did better", "which may be chance"),
        (SLIGHT, "no difference that this budget can show", "which may be chance"),
    ],
    ids=["digits", "cells", "flat", "slight"],
)
def test_the_advice_is_what_the_matrix_says(tables: Tables, headline: str, reason: str) -> None:
    found = advice(tables)
    assert headline in found.headline
    assert reason in " ".join(found.sentences)


def test_a_preferred_orientation_is_told_from_none() -> None:
    assert "SO(2): a plain network trained on the images as they are loses 55.0 points" in advice(DIGITS).sentences[0]
    assert advice(DIGITS).sentences[0].endswith("the images have a preferred orientation.")
    assert advice(CELLS).sentences[0].endswith("the images look alike when they are moved so.")


def test_without_plain_networks_there_is_no_advice() -> None:
    tables = matrix_of(lambda *_: 0.9, lambda *_: 0.9)
    tables.runs["group"] = "C8"
    assert advice(tables).headline.startswith("No advice")


# the proposal


def toy(images: int, classes: int = 2, side: int = 16) -> Dataset:
    def split(count: int) -> Split:
        return Split(torch.zeros(count, 1, side, side, dtype=torch.uint8), torch.arange(count) % classes)

    return Dataset("npz", tuple(map(str, range(classes))), split(images), split(20), split(20))


def estimate(suite: Suite, fixed: float = 0.5, step: float = 0.01) -> Estimate:
    """Return what cells of known cost take with one worker."""
    seeds, steps = int(suite.seeds), int(suite.budget["steps"])  # type: ignore[arg-type]
    cells = seeds * len(suite.augmentation["strengths"]) * len(suite.augmentation["group"])
    cells *= len(suite.data["train_sizes"])
    line = Line("any", cells, cells * (fixed + step * steps), cells * fixed, None, None)
    return Estimate((line,) * len(suite.families), 1)


def proposed(minutes: float, images: int = 4000) -> proposal.Proposal:
    return propose(Path("photos"), {"name": "npz", "path": "photos.npz"}, toy(images), minutes, estimate)


@pytest.mark.parametrize("minutes", [2, 4, 8, 20, 120])
def test_a_matrix_fits_into_the_minutes(minutes: float) -> None:
    found = proposed(minutes)
    assert found.seconds <= 60 * minutes
    assert found.seconds == pytest.approx(estimate(found.suite).seconds)
    assert found.cells == sum(line.cells for line in estimate(found.suite).lines)


def test_more_minutes_give_a_more_thorough_matrix() -> None:
    short, long = proposed(4), proposed(240)
    assert short.suite.seeds == SCALES[-1].seeds
    assert long.suite.seeds == SCALES[0].seeds
    assert long.cells > short.cells


def test_too_few_minutes_are_refused_with_the_number_that_suffices() -> None:
    with pytest.raises(UserError, match=r"--minutes 0\.1 is too short for photos") as refused:
        proposed(0.1)
    found = re.search(r"about ([0-9.]+)$", str(refused.value))
    assert found is not None
    assert proposed(float(found[1]) + 0.1).suite.budget["steps"] >= proposal.LEAST


@pytest.mark.parametrize(("images", "expected"), [(1600, [100, 400, 1600]), (100, [25, 100]), (30, [30]), (5, [5])])
def test_sizes_are_quarters_and_never_too_few(images: int, expected: list[int]) -> None:
    assert train_sizes(toy(images), 3) == expected


@pytest.mark.parametrize("path", ["photos", "my photos (new)", "a/b/..", "…"])
def test_every_folder_gives_a_name_that_a_suite_takes(path: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name_of(Path(path)))


# from a folder to an answer


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
    assert math.isclose(runs["flops_per_image"].max(), runs["flops_per_image"].min(), rel_tol=0.06)
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
