"""The standard augmentation of photographs: whole pixels, mirrored or not, and in training alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import bench.api as equivaug
from bench.domains.plane.crop_flip import MARGIN, CropFlip
from bench.errors import UserError
from bench.seeds import generator
from bench.suite import parse
from tests.fakes import make_cell

SUITE: dict[str, Any] = {
    "name": "bases",
    "data": {"name": "digits", "size": 16, "train_sizes": [64]},
    "augmentation": {"strengths": [0, 1], "base": ["none", "crop-flip"]},
    "families": [{"family": "cnn", "width": 2, "channels": [1, 1], "pool_after": [1]}],
    "budget": {"steps": 3, "batch_size": 16, "evaluations": 1},
    "seeds": 1,
    "measure": {"equivariance": None},
}


@pytest.mark.parametrize("size", [16, 21, 32])
def test_every_image_is_a_window_of_its_margin_mirrored_or_not(size: int) -> None:
    images = torch.rand(64, 2, size, size, generator=generator(0, "test")) + 1
    base, margin = CropFlip(), round(size * MARGIN)
    drawn = base.draw(len(images), generator(1, "test"))
    seen = set()
    for image, moved in zip(images, base.apply(images, drawn), strict=True):
        padded = torch.nn.functional.pad(image, (margin,) * 4)
        windows = {
            (down, right, mirrored): padded.flip(2) if mirrored else padded
            for down in range(2 * margin + 1)
            for right in range(2 * margin + 1)
            for mirrored in (False, True)
        }
        (found,) = [
            place
            for place, whole in windows.items()
            if torch.equal(whole[:, place[0] : place[0] + size, place[1] : place[1] + size], moved)
        ]
        seen.add(found)
    assert {mirrored for *_, mirrored in seen} == {False, True}
    # every shift occurs: the least and the most of both axes among 64 draws of 25 and more is likely, and of this seed
    for axis in (0, 1):
        assert {place[axis] for place in seen} >= {0, 2 * margin}


def test_it_is_drawn_uniformly() -> None:
    drawn = CropFlip().draw(40_000, generator(0, "test"))
    nine = (drawn[:, :2] * 9).long()
    for axis in (0, 1):
        assert torch.bincount(nine[:, axis], minlength=9).float().div(40_000).sub(1 / 9).abs().max() < 0.01
    assert abs(float(drawn[:, 2].mean()) - 0.5) < 0.01


def test_a_base_is_an_axis_with_rows_of_its_own_and_trains_otherwise(tmp_path: Path) -> None:
    runs = equivaug.run(SUITE, out=tmp_path / "results", workers=1).runs
    assert sorted(runs["dataset"].unique()) == ["digits base crop-flip", "digits base none"]
    assert set(runs.loc[runs["dataset"].str.endswith("crop-flip"), "base"]) == {"crop-flip"}
    assert runs["test_loss"].nunique() == 4
    assert list(runs["status"].unique()) == ["done"]


def test_without_a_base_a_cell_keeps_its_identity() -> None:
    assert make_cell().cell_id != make_cell(base="crop-flip").cell_id
    assert make_cell().cell_id == make_cell(base="").cell_id


@pytest.mark.parametrize(
    ("augmentation", "sentence"),
    [
        ({"base": "mixup"}, "augmentation.base: should be 'none' or 'crop-flip'; found 'mixup'"),
        ({"base": "crop-flip", "copies": 4}, "augmentation.base: 'crop-flip' draws anew in every step"),
    ],
)
def test_what_cannot_be_is_one_sentence(augmentation: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        parse({**SUITE, "augmentation": augmentation}, "suite")


def test_a_domain_without_bases_says_so() -> None:
    other = {**SUITE, "data": {"name": "o5", "train_sizes": [64]}, "families": [{"family": "mlp", "width": 2}]}
    with pytest.raises(UserError, match=r"augmentation\.base: should be 'none'; found 'crop-flip'"):
        parse({**other, "augmentation": {"base": "crop-flip"}}, "suite")
