"""Homographies as a group of augmentation, and the data set that they were published with."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.domains.plane import augmentation, default_crop
from bench.domains.plane.data import projective_mnist
from bench.domains.plane.models import canonical
from bench.errors import UserError
from bench.groups import Group, Homographies, move, parse, prefiltered, transform
from bench.groups.homography import OBJECT, inverse_up_to_scale

PLANE = Homographies()


def drawn(strength: float, count: int, seed: int = 0) -> Tensor:
    (matrices,) = PLANE.sample(strength, count, torch.Generator().manual_seed(seed))
    return matrices


def blob(matrices: Tensor, size: int) -> Tensor:
    """One round blob off the middle (B, 1, size, size), moved exactly by homographies (B, 3, 3)."""
    points = canonical.move(torch.linalg.inv(matrices.double()), torch.tensor(canonical.cartesian(size)))
    squared = ((points - torch.tensor([0.15, -0.1])) ** 2).sum(-1)
    return torch.exp(-squared / (2 * 0.1**2))[:, None].float()


def test_a_group_is_parsed_from_its_name() -> None:
    assert parse("PGL(3)") == PLANE
    assert parse("D4") == Group.parse("D4")
    assert default_crop(PLANE) == "none"
    with pytest.raises(UserError, match=r"unknown group 'PGL\(2\)'; known: C1, .*, SO\(2\), O\(2\), PGL\(3\)$"):
        parse("PGL(2)")
    with pytest.raises(UserError, match=r"O\(2\)$"):  # a network's own group is none of the homographies
        Group.parse("PGL(3)")


def test_strength_zero_is_the_identity() -> None:
    torch.testing.assert_close(drawn(0.0, 50), torch.eye(3).expand(50, 3, 3))
    with pytest.raises(ValueError, match="outside"):
        drawn(1.5, 1)


@given(st.floats(0, 1), st.integers(0, 1000))
@settings(max_examples=30)
def test_the_ranges_are_those_of_projective_mnist_times_the_strength(strength: float, seed: int) -> None:
    matrices = drawn(strength, 200, seed).double()
    linear, horizon = matrices[:, :2, :2], matrices[:, 2, :2] * OBJECT
    # R(angle) [[s a, shear s / a], [0, s / a]]: the QR decomposition with positive scales gives the factors back
    angle = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    first = linear[:, :, 0].norm(dim=1)
    second = torch.linalg.det(linear) / first
    shear = (linear[:, :, 0] * linear[:, :, 1]).sum(1) / first / second
    slack = 1e-4
    assert angle.abs().max() <= torch.pi * strength + slack
    assert shear.abs().max() <= 1.5 * strength + slack
    assert (first * second).sqrt().min() >= 1 - slack
    assert (first * second).sqrt().max() <= 2**strength + slack
    assert (first / second).sqrt().log().abs().max() <= strength * torch.tensor(1.5).log() + slack
    assert horizon.abs().sum(1).max() <= 0.8 * strength + slack
    torch.testing.assert_close(matrices[:, 2, 2], torch.ones(200, dtype=torch.float64))


def test_strength_one_fills_the_ranges() -> None:
    matrices = drawn(1.0, 20_000).double()
    angle = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0])
    horizon = matrices[:, 2, :2] * OBJECT
    assert angle.std() == pytest.approx(2 * torch.pi / 12**0.5, rel=0.02)
    assert horizon[:, 0].std() == pytest.approx(1.6 / 12**0.5, rel=0.02)
    # b is uniform within 0.8 - |a|: a variance of (0.8 - |a|)^2 / 3, on average 0.64 / 9
    assert horizon[:, 1].var() == pytest.approx(0.64 / 9, rel=0.04)
    log_scale = torch.linalg.det(matrices[:, :2, :2]).log() / 2
    assert log_scale.mean() == pytest.approx(math.log(2) / 2, rel=0.02)


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_the_adjugate_is_the_inverse_homography(seed: int) -> None:
    matrices = drawn(1.0, 20, seed)
    product = inverse_up_to_scale(matrices) @ matrices
    eye = torch.eye(3).expand(20, 3, 3)
    torch.testing.assert_close(product / torch.linalg.det(matrices)[:, None, None], eye, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
def test_a_moved_image_is_the_function_at_moved_points(strength: float) -> None:
    """The oracle: a blob whose every transform is known in closed form."""
    matrices = drawn(strength, 40, seed=1)
    still = torch.eye(3).expand(40, 3, 3)
    values = prefiltered(blob(still, 64), "spline")
    moved = move(PLANE, values, (matrices,), "spline", on_disc=False)
    expected = blob(matrices, 64)
    # what the horizon compresses below a pixel cannot be drawn by any interpolation
    wide = expected.flatten(1).sum(1) > 20
    assert wide.sum() > 20
    assert (moved - expected)[wide].abs().max() < 0.02


def test_a_rotation_is_moved_as_the_rotations_move_it() -> None:
    images = torch.rand(16, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    turns = torch.linspace(0, 1, 16)
    zero, one = torch.zeros(16), torch.ones(16)
    c, s = (2 * torch.pi * turns).cos(), (2 * torch.pi * turns).sin()
    matrices = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).view(16, 3, 3)
    moved = move(PLANE, prefiltered(images, "spline"), (matrices,), "spline", on_disc=False)
    expected = transform(images, turns, torch.zeros(16, dtype=torch.bool))
    inside = F.pad(torch.ones(16, 16), (2, 2, 2, 2))  # at the border a rounding error decides what lies outside
    torch.testing.assert_close(moved * inside, expected * inside, rtol=0, atol=1e-4)


def test_what_lies_behind_the_horizon_is_black() -> None:
    matrices = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [3, 0, 1]]])
    ones = torch.ones(1, 1, 32, 32)
    moved = move(PLANE, ones, (matrices,), "bilinear", on_disc=False)
    assert moved.isfinite().all()
    # what is seen at x was at x / (1 - 3 x): in the image up to x = 1/4, beyond 1/3 behind the horizon
    x = torch.tensor(canonical.cartesian(32)[0, :, 0])
    assert (moved[0, 0, 16, x > 0.29] == 0).all()
    assert (moved[0, 0, 16, x < 0.21] == 1).all()


def test_augmentation_is_a_function_of_seed_stream_and_step() -> None:
    images = torch.rand(8, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    moving = augmentation(PLANE, 0.7)
    again = [moving(images, 3, "augmentation", step) for step in (5, 5, 6)]
    assert torch.equal(again[0], again[1])
    assert not torch.equal(again[0], again[2])
    assert torch.equal(augmentation(PLANE, 0.0)(images, 3, "augmentation"), images)


@pytest.mark.skipif("EQUIVAUG_DATA" not in os.environ, reason="needs MNIST; EQUIVAUG_DATA does not name a folder")
def test_projective_mnist_moves_the_digits_of_its_upright_form(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(os.environ["EQUIVAUG_DATA"]).is_dir()
    monkeypatch.setattr(projective_mnist, "TRAIN", 60)
    monkeypatch.setattr(projective_mnist, "VALIDATION", 30)
    read = projective_mnist.idx.read
    monkeypatch.setattr(projective_mnist.idx, "read", lambda *given: read(*given).take(torch.arange(200)))
    upright = projective_mnist.load(projective_mnist.ProjectiveOptions(copies=0))
    moved = projective_mnist.load(projective_mnist.ProjectiveOptions(copies=2))
    again = projective_mnist.load(projective_mnist.ProjectiveOptions(copies=2))
    assert moved.revision == again.revision
    assert upright.train.inputs.shape == (60, 1, 64, 64)
    assert moved.train.inputs.shape == (120, 1, 64, 64)
    assert torch.equal(moved.train.targets, upright.train.targets.repeat(2))
    assert not torch.equal(moved.train.inputs[:60], moved.train.inputs[60:])
    border = torch.ones(64, 64, dtype=torch.bool)
    border[18:46, 18:46] = False
    assert not upright.train.inputs[:, 0, border].any()
    # enlarged by 1 to 2, and by the perspective on its near side
    grown = (moved.test.inputs > 64).flatten(1).sum(1) / (upright.test.inputs > 64).flatten(1).sum(1)
    assert 1.3 < grown.float().median() < 4
