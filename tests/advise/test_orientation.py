"""Whether images have an orientation at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from bench.advise import orientation
from bench.advise.orientation import two_samples
from bench.analysis.advice import advice
from bench.analysis.orientation import TwoSamples, seen
from bench.errors import UserError
from tests.advise.matrices import SEEN, UNSEEN, matrix_of
from tests.textures import textures


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
