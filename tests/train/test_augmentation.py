"""Augmentation and copies."""

import pytest
import torch

from bench.domains.plane import augmentation
from bench.geometry import expand
from bench.groups import Element, Group, act
from tests import tolerances
from tests.train.blobs import blobs


def test_strength_zero_is_no_augmentation_at_all() -> None:
    images, _ = blobs(4)
    assert augmentation(Group.parse("O(2)"), 0.0)(images, 0, "augmentation") is images


def test_every_image_gets_an_element_of_its_own_and_every_step_new_ones() -> None:
    one = torch.rand(1, 1, 16, 16).expand(32, 1, 16, 16)
    moving = augmentation(Group.parse("SO(2)"), 1.0)
    moved = moving(one, 0, "augmentation", 3)
    assert len(torch.unique(moved.flatten(1), dim=0)) == 32
    assert torch.equal(moved, moving(one, 0, "augmentation", 3))
    assert not torch.equal(moved, moving(one, 0, "augmentation", 4))
    assert not torch.equal(moved, moving(one, 1, "augmentation", 3))


def test_copies_expand_the_training_set_once() -> None:
    images, labels = blobs(10)
    many, their_labels = expand(images, labels, augmentation(Group.parse("C4"), 1.0), 3, seed=0)
    assert many.shape == (30, 1, 16, 16)
    assert torch.equal(their_labels, labels.repeat(3))
    orbits = torch.stack([torch.rot90(images, k, (2, 3)) for k in range(4)])
    for i, image in enumerate(many):
        assert (orbits[:, i % 10] == image).flatten(1).all(1).any()


def test_copies_of_an_image_are_moved_each_by_its_own_element() -> None:
    images, labels = blobs(6)
    many, _ = expand(images, labels, augmentation(Group.parse("SO(2)"), 1.0), 4, seed=0)
    for copies in many.view(4, 6, -1).unbind(1):
        assert len(torch.unique(copies, dim=0)) == 4


@pytest.mark.parametrize(
    ("group", "strength", "steps", "mirrors"),
    [("C8", 1.0, range(8), {False}), ("D8", 0.5, range(-2, 3), {False, True}), ("C8", 0.3, range(-1, 2), {False})],
)
def test_augmentation_draws_every_element_of_a_finite_group_within_its_strength(
    group: str, strength: float, steps: range, mirrors: set[bool]
) -> None:
    """Every moved image is the image moved by one of the elements, and each of these comes up."""
    image = blobs(1)[0]
    orbit = torch.stack([act(image, Element.rotation(45 * k) @ Element(m))[0] for k in steps for m in mirrors])
    moved = augmentation(Group.parse(group), strength)(image.expand(200, -1, -1, -1), 0, "augmentation")
    distances = (moved[:, None] - orbit).abs().amax((2, 3, 4))
    nearest = distances.min(1)
    assert nearest.values.max() <= tolerances.RESAMPLED_IN_FLOAT32
    assert set(nearest.indices.tolist()) == set(range(len(orbit)))
