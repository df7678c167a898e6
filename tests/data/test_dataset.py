"""Splits and training sets: stratified, nested, disjoint, and known by their content."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.data.dataset import Split, partition, stratified_order, training_set
from bench.data.shares import cut
from bench.domains.plane import of_images
from bench.errors import UserError

counts = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def shuffled_labels(counts: list[int], seed: int = 0) -> Tensor:
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]


@given(counts, st.integers(0, 1000))
def test_every_prefix_of_the_order_is_stratified_within_one(counts: list[int], seed: int) -> None:
    labels = shuffled_labels(counts)
    order = stratified_order(labels, seed)
    assert sorted(order.tolist()) == list(range(len(labels)))
    so_far = torch.nn.functional.one_hot(labels[order], len(counts)).cumsum(0).double()
    sizes = torch.arange(1, len(labels) + 1).double()
    proportional = sizes[:, None] * torch.tensor(counts).double() / len(labels)
    assert ((so_far - proportional).abs() < 1).all()


@given(counts, st.integers(0, 1000))
def test_the_order_depends_on_labels_and_seed_alone(counts: list[int], seed: int) -> None:
    labels = shuffled_labels(counts)
    torch.manual_seed(seed + 1)
    assert torch.equal(stratified_order(labels, seed), stratified_order(labels, seed))


def test_seeds_give_other_orders_and_every_image_can_come_first() -> None:
    labels = shuffled_labels([3, 3])
    assert {int(stratified_order(labels, seed)[0]) for seed in range(60)} == set(range(6))


def numbered(labels: Tensor) -> Tensor:
    """Images whose first two pixels tell their position."""
    images = torch.zeros(len(labels), 1, 2, 2, dtype=torch.uint8)
    position = torch.arange(len(labels))
    images[:, 0, 0, 0], images[:, 0, 0, 1] = position // 256, position % 256
    return images


def positions(split: Split) -> list[int]:
    first = split.inputs[:, 0, 0].long()
    return (first[:, 0] * 256 + first[:, 1]).tolist()


@given(counts, st.data())
def test_partition_is_disjoint_and_keeps_labels_with_images(counts: list[int], data: st.DataObject) -> None:
    labels = shuffled_labels(counts)
    cuts = data.draw(st.lists(st.integers(0, len(labels)), min_size=1, max_size=3).map(sorted))
    sizes = tuple(np.diff([0, *cuts]).tolist())
    splits = partition(numbered(labels), labels, sizes, seed=0)
    assert tuple(len(split) for split in splits) == sizes
    found = [place for split in splits for place in positions(split)]
    assert len(set(found)) == len(found) == sum(sizes)
    assert all(torch.equal(split.targets, labels[positions(split)]) for split in splits)


def test_partition_refuses_more_than_there_is() -> None:
    labels = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="need 3 images; there are 2"):
        partition(numbered(labels), labels, (2, 1), seed=0)


def test_training_sets_of_one_seed_are_nested_and_no_larger_than_the_pool() -> None:
    labels = shuffled_labels([40, 10, 30])
    pool, other = Split(numbered(labels), labels), Split(numbered(labels) + 100, labels)
    dataset = of_images("toy", ("a", "b", "c"), pool, other, other)
    small, large = (positions(training_set(dataset, size, seed=3)) for size in (20, 60))
    assert large[:20] == small
    with pytest.raises(UserError, match="asks for 81 images; 'toy' has 80"):
        training_set(dataset, 81, seed=3)


def test_the_revision_tells_one_pixel_and_one_label() -> None:
    labels = shuffled_labels([4, 4])
    split = Split(numbered(labels), labels)
    same = of_images("toy", ("a", "b"), split, split, split)
    pixel, label = split.inputs.clone(), labels.clone()
    pixel[5, 0, 1, 1] = 1
    label[5] = 1 - label[5]
    other_pixel = dataclasses.replace(same, validation=Split(pixel, labels))
    other_label = dataclasses.replace(same, test=Split(split.inputs, label))
    assert len({same.revision, other_pixel.revision, other_label.revision}) == 3


@settings(max_examples=30)
@given(st.lists(st.integers(14, 60), min_size=2, max_size=5))
def test_as_many_images_as_the_complaint_asks_for_are_enough(counts: list[int]) -> None:
    labels = shuffled_labels(counts)
    classes = tuple(str(k) for k in range(len(counts)))
    splits = cut(Split(numbered(labels), labels), (0.15, 0.15), classes, "here")
    assert all(len(split.targets.unique()) == len(counts) for split in splits)
