"""Patches of photographs: apart in their splits, alike in brightness, and told where scikit-image is missing."""

from __future__ import annotations

import importlib
from itertools import pairwise

import numpy as np
import pytest
import torch

from bench.domains.plane.data import textures
from bench.domains.plane.data.textures import CLASSES, REGIONS, TexturesOptions, load, photograph
from bench.errors import UserError


def test_patches_are_of_one_brightness_and_contrast() -> None:
    data = load(TexturesOptions(patches=12))
    assert (len(data.train), len(data.validation), len(data.test)) == (96, 32, 32)
    assert data.train.targets.bincount().tolist() == [12] * 8
    pixels = data.train.inputs.double()
    assert float(pixels.mean((1, 2, 3)).sub(textures.MEAN).abs().max()) < 12  # but for what was cut at 0 and 255
    assert float(pixels.std((1, 2, 3)).sub(textures.DEVIATION).abs().max()) < 25


def test_splits_are_of_regions_that_do_not_meet() -> None:
    ends = sorted(REGIONS.values())
    assert ends[0][0] == 0
    assert ends[-1][1] == 1
    assert all(one[1] <= other[0] for one, other in pairwise(ends))
    for name in CLASSES:
        narrowest = min(round(b * photograph(name).shape[1]) - round(a * photograph(name).shape[1]) for a, b in ends)
        assert narrowest >= 48, name
    data = load(TexturesOptions(patches=30))
    train = {patch.numpy().tobytes() for patch in data.train.inputs}
    assert not train & {patch.numpy().tobytes() for patch in data.test.inputs}


def unevenness(name: str) -> float:
    """How much larger steps between pixels are in some of every four rows or columns than in others."""
    pixels, worst = photograph(name), 1.0
    for axis in (0, 1):
        steps = np.abs(np.diff(pixels, axis=axis)).mean(1 - axis)
        at_all = [float(steps[phase::4].mean()) for phase in range(4)]
        worst = max(worst, max(at_all) / max(min(at_all), 1e-9))
    return worst


def test_no_patch_is_magnified() -> None:
    """Blocks of equal pixels have edges along the axes, which say which way is up: those of the moon, left out."""
    assert max(map(unevenness, CLASSES)) < 1.3 < unevenness("moon")


def test_they_are_the_same_in_every_run() -> None:
    assert load(TexturesOptions(patches=5)).revision == load(TexturesOptions(patches=5)).revision
    assert not torch.equal(load(TexturesOptions(patches=5)).train.inputs, load(TexturesOptions(patches=6)).train.inputs)


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match=r"textures needs scikit-image; python -m pip install 'equivaug\[textures\]'"):
        load(TexturesOptions())
