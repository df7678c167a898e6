"""The pictures: what they measure, that they are files of the kind they say, and that bad input is one sentence."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench import api
from bench.cli import main
from bench.groups import Element
from bench.report.page import write
from bench.show import boosts
from bench.show import fields as module
from bench.show.fields import motion
from bench.show.images import opened
from bench.show.networks import OUTPUT, plain, steerable

IMAGE = opened(None, 33, 3)
QUARTERS = [0.0, 90.0, 180.0, 270.0]


def test_at_quarter_turns_steerable_fields_stand_still_and_plain_ones_do_not() -> None:
    found = motion(steerable(3, seed=0), IMAGE, QUARTERS)
    assert found.instability < 1e-5
    assert found.floor == 0
    assert motion(plain(3, seed=0), IMAGE, QUARTERS).instability > 0.3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_between_the_steerable_network_is_far_steadier(seed: int) -> None:
    angles = [0.0, 20.0, 45.0, 70.0, 130.0]
    turned = {name: motion(make(3, seed), IMAGE, angles).instability for name, make in NETWORKS.items()}
    assert turned["steerable"] < 0.25 * turned["plain"]


NETWORKS = {"steerable": steerable, "plain": plain}


def test_the_comoving_frame_turns_maps_and_vectors_back() -> None:
    fields = torch.rand(1, 3, 9, 9)
    turned = OUTPUT.act(fields, Element.rotation(90))
    assert torch.allclose(OUTPUT.act(turned, Element.rotation(270)), fields, atol=1e-6)
    # a vector to the right becomes one upwards
    right = torch.zeros(1, 3, 9, 9)
    right[:, 1] = 1
    assert torch.allclose(OUTPUT.act(right, Element.rotation(90))[:, 2], torch.ones(1, 9, 9), atol=1e-6)


def show(*arguments: str | Path) -> int:
    sys.argv = ["equivaug", "show", *map(str, arguments)]
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_pictures_are_written_and_equal_when_they_are_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("a", "b"):
        assert show("fields", "--size", "33", "--frames", "4", "--out", tmp_path / out) == 0
        assert show("kernels", "--group", "SO(2)", "--in", "irrep 1", "--to", "irrep2", "--out", tmp_path / out) == 0
        assert (
            show("augmentations", "--group", "D4", "--strengths", "0", "--strengths", "1", "--out", tmp_path / out) == 0
        )
    said = capsys.readouterr().out
    assert "steerable: fields turned back change by " in said
    first = contents(tmp_path / "a")
    kinds = {"fields.gif": b"GIF8", "fields.png": b"\x89PNG", "fields.pdf": b"%PDF"}
    kinds |= {
        f"{name}.{kind}": kinds[f"fields.{kind}"] for name in ("kernels", "augmentations") for kind in ("png", "pdf")
    }
    assert first.keys() == kinds.keys()
    assert all(first[name].startswith(start) for name, start in kinds.items())
    assert contents(tmp_path / "b") == first
    with Image.open(tmp_path / "a/fields.gif") as gif:
        assert gif.n_frames == 4


def test_the_image_may_be_a_persons_own(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)).save(tmp_path / "mine.png")
    assert show("fields", "--image", tmp_path / "mine.png", "--size", "21", "--frames", "2", "--out", tmp_path) == 0


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "small"
    networks = [{"family": "cnn"}, {"family": "steerable", "group": "C8"}, {"family": "hnet"}, {"family": "et"}]
    suite = {
        "name": "small",
        "data": {"name": "digits", "size": 17, "train_sizes": [60]},
        "augmentation": {"strengths": [0]},
        "families": [{**network, "width": 4} for network in networks],
        "budget": {"steps": 5, "batch_size": 8},
        "seeds": 1,
        "measure": {"equivariance": None},
    }
    api.run(suite, folder, workers=1)
    return folder


@pytest.mark.parametrize("family", ["cnn", "steerable", "hnet"])
def test_a_trained_cell_shows_the_fields_of_a_layer(
    family: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = pd.read_parquet(results / "runs.parquet").set_index("family")
    seen: list[float] = []
    draw = module.draw

    def spied(image: object, angles: object, motions: dict, out: Path) -> list[Path]:
        seen.extend(found.instability for found in motions.values())
        return draw(image, angles, motions, out)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "draw", spied)
    cell = runs.loc[family, "cell_id"]
    assert show("fields", "--results", results, "--cell", cell[:8], "--frames", "4", "--out", tmp_path) == 0
    assert f"{runs.loc[family, 'label']}: fields turned back" in capsys.readouterr().out
    assert (seen[0] < 1e-4) == (family != "cnn")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fields", "--image", "nowhere.png"], "nowhere.png cannot be read as an image"),
        (["fields", "--cell", "abc"], "--results and --cell go together"),
        (["fields", "--results", "nowhere", "--cell", "abc"], "nowhere has no suite.yaml"),
        (["kernels", "--group", "C4", "--in", "regula"], "unknown representation 'regula'"),
        (["kernels", "--group", "C4", "--in", "irrep 3"], "C4 has no irrep of frequency 3"),
        (["kernels", "--size", "4"], "--size 4 is no kernel size"),
        (["kernels", "--group", "X4"], "unknown group 'X4'"),
        (["augmentations", "--strengths", "2"], "--strengths 2 is no strength"),
        (["augmentations", "--data", "o5"], "--data o5 has no images to show"),
        (["augmentations", "--data", "digit"], "did you mean 'digits'?"),
        (
            ["sphere", "--data", "digits"],
            "--data digits is no data set of the sphere; accepted are sphere-npz, sphere-npz-masks,",
        ),
        (["sphere", "--bandwidth", "7"], "--bandwidth 7 is odd; accepted are even numbers from 4 to 64"),
        (["sphere", "--strengths", "2"], "--strengths 2 is no strength"),
        (["sphere", "--cell", "abc"], "--results and --cell go together"),
        (["boosts", "--rapidity", "9"], "--rapidity 9 is none to show; accepted are 0 to 8"),
        (["augmentations", "--out", "file/below"], "file/below cannot be used"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert show(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_errors_grow_with_the_rapidity_as_rounding_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show("boosts", "--rapidity", "0.5", "--rapidity", "4", "--out", tmp_path) == 0
    assert (tmp_path / "boosts.png").is_file()
    of = boosts.errors([0.5, 4.0], seed=1)
    assert of["emlp", "float32"][0] < 1e-5 < of["emlp", "float32"][1] < 1e-2
    assert max(of["emlp", "float64"]) < 1e-11
    # what a plain network does is no matter of precision
    assert of["mlp", "float32"] == pytest.approx(of["mlp", "float64"], rel=1e-3)
    assert of["mlp", "float64"][0] > 1e-3


def test_spheres_are_drawn_with_their_masks(tmp_path: Path) -> None:
    for data in ("spherical-digits", "spherical-digits-masks"):
        assert show("sphere", "--data", data, "--bandwidth", 8, "--count", 2, "--out", tmp_path / data) == 0
    pictures = [np.asarray(Image.open(tmp_path / f"spherical-digits{end}" / "sphere.png")) for end in ("", "-masks")]
    colours = [len(np.unique(each[..., :3].reshape(-1, 3), axis=0)) for each in pictures]
    grey = [bool((each[..., 0] == each[..., 1]).all()) for each in pictures]
    assert grey == [True, False]
    assert min(colours) > 10


def test_masks_of_a_trained_cell_are_drawn_beside_the_truth(tmp_path: Path) -> None:
    suite = {
        "name": "masks",
        "data": {"name": "spherical-digits-masks", "bandwidth": 6, "train_sizes": [64]},
        "augmentation": {"strengths": [1]},
        "families": [{"family": "s2cnn", "width": 2}],
        "budget": {"steps": 2, "batch_size": 8},
        "seeds": 1,
        "measure": {"equivariance": None},
    }
    found = api.run(suite, out=tmp_path / "results")
    cell = found.runs["cell_id"].iloc[0]
    assert show("sphere", "--results", tmp_path / "results", "--cell", cell[:8]) == 0
    drawn = tmp_path / "results" / "pictures" / f"masks-{cell[:8]}.png"
    assert drawn.is_file()
    page = write(tmp_path / "results").read_text()
    assert base64.b64encode(drawn.read_bytes()).decode() in page


def test_cells_and_layers_that_are_not_there_are_one_sentence(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = pd.read_parquet(results / "runs.parquet").set_index("family")
    steerable_cell = runs.loc["steerable", "cell_id"]
    for cell, layer, message in (
        ("zzz", [], "--cell 'zzz' is the beginning of 0 of the 4 cells"),
        (steerable_cell, ["--layer", "block9"], "--layer 'block9' is no layer with maps"),
        (steerable_cell, ["--layer", "invariants"], "has no scalar and vector field to show"),
    ):
        assert show("fields", "--results", results, "--cell", cell, *layer, "--out", tmp_path) == 2
        assert message in capsys.readouterr().err
