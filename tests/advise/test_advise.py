"""The advice for a user's own images: what it says of matrices with known answers, and one run from a folder to it."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor

from bench.advise import command, orientation, proposal
from bench.advise.images import data_options
from bench.advise.orientation import two_samples
from bench.advise.proposal import SCALES, Scale, name_of, propose, train_sizes
from bench.analysis.advice import advice
from bench.analysis.orientation import TwoSamples, seen
from bench.analysis.verdict import verdict
from bench.cli import main
from bench.data.dataset import Dataset, Split
from bench.domains.plane import of_images
from bench.errors import UserError
from bench.plan.estimate import Estimate, Line
from bench.report.page import page
from bench.results.tables import Tables
from bench.suite import Suite
from tests.matrices import matrix, noise
from tests.textures import textures

LABELS = {"cnn": "C1", "steerable C8": "C8"}

SEEN = TwoSamples("SO(2)", "rotate 90, rotate 180, rotate 270", 118, 120)
UNSEEN = TwoSamples("SO(2)", "rotate 90, rotate 180, rotate 270", 63, 120)


def matrix_of(upright: Any, transformed: Any) -> Tables:
    """Return a matrix with one size whose upright and transformed accuracies are functions of (label, strength)."""
    tables = matrix(lambda label, size, s, seed: upright(label, s) + noise(label, size, s, seed), LABELS, sizes=(500,))
    moved = [
        transformed(row.label, row.strength) + noise(row.label, 1, row.strength, row.seed)
        for row in tables.runs.itertuples()
    ]
    for column in ("transformed_score", "exact_score", "transformed_validation_score"):
        tables.runs[column] = moved
    tables.runs["resampled_score"] = tables.runs["test_score"] - 0.01
    tables.runs["test_size"], tables.runs["chance_score"] = 400.0, 0.1
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
            "no orientation can be seen, and the images look alike when they are moved so",
        ),
        (FLAT, "no difference that this budget can show", "which may be chance"),
        (SLIGHT, "no difference that this budget can show", "which may be chance"),
    ],
    ids=["digits", "cells", "flat", "slight"],
)
def test_the_advice_is_what_the_matrix_says(tables: Tables, headline: str, reason: str) -> None:
    found = advice(tables, [SEEN if tables is DIGITS else UNSEEN])
    assert headline in found.headline
    assert reason in " ".join(found.sentences)


def test_a_preferred_orientation_is_told_from_none() -> None:
    told = advice(DIGITS, [SEEN]).sentences
    assert "right on 118 of 120 that it never saw (98.3 %, exact 95 % interval 94.1 to 99.8; chance is 50)" in told[0]
    assert "SO(2): a plain network trained on the images as they are loses 55.0 points" in told[1]
    assert told[1].endswith("when they are moved exactly: the images have a preferred orientation.")
    assert "it loses 55.0 points" in told[2]
    assert "resampling them without moving them costs 1.0 points" in told[2]
    none = advice(CELLS, [UNSEEN]).sentences
    assert none[1].endswith("no orientation can be seen, and the images look alike when they are moved so.")


def test_a_loss_by_resampling_is_no_orientation() -> None:
    """As of radio galaxies turned bilinearly: nothing is lost by exact moves, and 17.6 points by all others."""
    tables = matrix_of(lambda *_: 0.838, lambda *_: 0.662)
    tables.runs["exact_score"] = tables.runs["test_score"]
    tables.runs["resampled_score"] = tables.runs["transformed_score"]
    told = " ".join(advice(tables, [UNSEEN]).sentences)
    assert "preferred orientation" not in told
    assert "no orientation can be seen" in told
    assert "it loses 17.6 points" in told
    assert "resampling them without moving them costs 17.6 points" in told


def test_a_loss_that_the_direct_test_does_not_confirm_is_no_orientation() -> None:
    """Seeds share their test images, so that all of them may lose on one draw of moves."""
    told = " ".join(advice(DIGITS, [UNSEEN]).sentences)
    assert "preferred orientation" not in told
    assert "no orientation can be seen in the images; the loss may be that of so few test images" in told


def test_an_orientation_that_does_not_matter_to_the_network_is_told_as_one() -> None:
    told = " ".join(advice(CELLS, [SEEN]).sentences)
    assert "the images have a preferred orientation, but the network does not lean on it" in told


def test_without_a_test_nothing_is_said_to_look_alike() -> None:
    told = " ".join(advice(CELLS).sentences)
    assert "whether the images have an orientation, this budget cannot show" in told


def wrong_advice(seeds: int, trials: int, cnn: float, others: float) -> int:
    """Return in how many matrices of equal networks, whose seeds vary so, advice names a difference all the same."""
    labels = {"cnn": "C1", "gcnn": "C4", "steerable C8": "C8", "hnet": "SO(2)"}
    tables = matrix(lambda *_: 0.8, labels=labels, sizes=(1000,), seeds=seeds, test_size=500, chance_score=0.1)
    columns = ["test_score", "upright_validation_score", "transformed_score", "transformed_validation_score"]
    deviation = np.where(tables.runs["label"] == "cnn", cnn, others)
    wrong = 0
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        seed = deviation * rng.normal(0, 1, len(tables.runs))
        scores = {column: 0.8 + seed + rng.normal(0, 0.01, len(tables.runs)) for column in columns}
        answer = advice(replace(tables, runs=tables.runs.assign(**scores)), [UNSEEN])
        wrong += bool(NAMED.search(" ".join([answer.headline, *answer.sentences])))
    return wrong


NAMED = re.compile(
    r"it gains|it helps|do not augment|(build the symmetry in|use a plain network|augment a plain network) at"
)


@pytest.mark.parametrize("seeds", [2, 3, 5, 12])
def test_advice_on_matrices_without_a_difference_is_wrong_in_few(seeds: int) -> None:
    """Both of its questions together; eight equal choices, the best in validation is tested, some seeds vary more."""
    assert wrong_advice(seeds, 40, cnn=0.005, others=0.02) / 40 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 40)


def test_advice_that_takes_every_second_chance_for_a_difference_is_often_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the count of wrong advice rises where its tests are less strict."""
    monkeypatch.setattr("bench.analysis.advice.EACH", 0.5)
    assert wrong_advice(5, 20, cnn=0.005, others=0.02) > 8


def test_a_large_gain_is_told() -> None:
    def upright(label: str, size: int, strength: float, seed: int) -> float:
        return 0.6 + 0.2 * (label != "cnn") + noise(label, size, strength, seed)

    found = advice(matrix(upright, test_size=500, chance_score=0.1), [UNSEEN])
    assert re.search(r"it gains (19\.9|20\.\d) points", found.headline)


def test_where_nothing_was_learned_there_is_no_advice() -> None:
    tables = matrix_of(lambda *_: 0.52, lambda *_: 0.5)
    tables.runs["chance_score"] = 0.5
    found = advice(tables, [UNSEEN])
    assert found.headline.startswith("No advice: nothing was learned: none of the networks is surely better than")
    assert "accuracy on the 400 test inputs is 50.0 % (the best has 52." in found.headline
    assert all("SO(2): a network that learned to tell images" in sentence for sentence in found.sentences)
    assert verdict(tables).headline.startswith("On digits, moved by SO(2): nothing was learned")
    assert "nothing was learned" in page(tables, None, {}, "x")


# whether there is an orientation at all


def digits(count: int = 600) -> Tensor:
    return (
        torch.from_numpy(load_digits().images[:count]).float()[:, None].repeat_interleave(2, 2).repeat_interleave(2, 3)
    )


@pytest.mark.parametrize("group", ["D1", "SO(2)", "O(2)"])
def test_upright_digits_are_told_from_moved_ones_and_isotropic_textures_are_not(group: str) -> None:
    upright = two_samples(digits() / 16, group, steps=150)
    assert upright.p < 1e-10
    assert seen([upright]) == {group}
    isotropic = two_samples(textures(600, 0, 16)[0].float() / 255, group, steps=150)
    assert seen([isotropic]) == set()
    assert isotropic.interval[0] < 0.5


def test_of_images_without_an_orientation_the_right_answers_are_a_coins() -> None:
    """Binomial with p = 1/2 whatever the network learned: over 40 sets of textures, within three standard errors."""
    found = [two_samples(textures(60, seed, 16)[0].float() / 255, "SO(2)", steps=8, seed=seed) for seed in range(40)]
    right, tested = sum(each.right for each in found), sum(each.tested for each in found)
    assert abs(right - tested / 2) < 3 * (tested / 4) ** 0.5
    # 5 % of 40, and what chance adds to it: more than 6 have a probability of 0.3 %
    assert sum(each.p < 0.05 for each in found) <= 6


def test_the_test_is_exact_and_reads_back(tmp_path: Path) -> None:
    assert UNSEEN.p == pytest.approx(sum(math.comb(120, k) for k in range(63, 121)) / 2**120)
    orientation.write([SEEN, UNSEEN], tmp_path)
    assert orientation.read(tmp_path) == [SEEN, UNSEEN]
    assert orientation.read(tmp_path / "nowhere") == []
    (tmp_path / orientation.ORIENTATION).write_text("group,right\nD1,many\n")
    with pytest.raises(UserError, match="is not what `equivaug advise` wrote"):
        orientation.read(tmp_path)


def test_holm_counts_both_groups() -> None:
    slight = TwoSamples("D1", "mirror", 71, 120)  # p = 0.027
    assert seen([slight]) == {"D1"}
    assert seen([slight, UNSEEN]) == set()


def test_without_plain_networks_there_is_no_advice() -> None:
    tables = matrix_of(lambda *_: 0.9, lambda *_: 0.9)
    tables.runs["group"] = "C8"
    assert advice(tables).headline.startswith("No advice")


# the proposal


def toy(images: int, classes: int = 2, side: int = 16) -> Dataset:
    def split(count: int) -> Split:
        return Split(torch.zeros(count, 1, side, side, dtype=torch.uint8), torch.arange(count) % classes)

    return of_images("npz", tuple(map(str, range(classes))), split(images), split(20), split(20))


def estimate(suite: Suite, fixed: float = 0.5, step: float = 0.01) -> Estimate:
    """Return what cells of known cost take with one worker."""
    seeds, steps = int(suite.seeds), int(suite.budget["steps"])  # type: ignore[arg-type]
    cells = seeds * len(suite.augmentation["strengths"]) * len(suite.augmentation["group"])
    cells *= len(suite.data["train_sizes"])
    line = Line("any", cells, cells * (fixed + step * steps), cells * fixed, None, None)
    return Estimate((line,) * len(suite.families), 1)


def proposed(minutes: float, images: int = 4000) -> proposal.Proposal:
    return propose(Path("photos"), {"name": "npz", "path": "photos.npz"}, toy(images), minutes, estimate)


@pytest.mark.parametrize("minutes", [3, 4, 8, 20, 120])
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
