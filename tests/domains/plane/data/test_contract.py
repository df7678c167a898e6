"""The planar data sets: their contract, and what is known of each."""

from __future__ import annotations

import hashlib
import re
import sys

import pytest
import torch
from torch import Tensor

from bench.data import idx
from bench.data.cache import File
from bench.data.dataset import Split, training_set
from bench.domains.plane.data import (
    digits,
    mnist,
)
from bench.domains.plane.data import rotated_mnist as rotated
from bench.domains.plane.data.resize import SizeOptions, resize
from bench.groups import Element, Resampling, act
from bench.registry import DataEntry, Entry, datasets
from tests.conformance.test_domains import FEWER, asks
from tests.data.files import (
    copies_between,
    needs_mnist,
    satisfies_contract,
)
from tests.tolerances import (
    BICUBIC_ON_A_SMOOTH_IMAGE,
    MEAN_OF_TURNED_DIGITS,
    ROUNDED_TO_GREY_VALUES,
)


def files_of(entry: Entry) -> tuple[File, ...]:
    return tuple(getattr(sys.modules[entry.make.__module__], "FILES", ()))


@pytest.mark.parametrize("entry", list(datasets), ids=lambda entry: entry.name)
def test_every_data_set_says_what_it_is_and_where_its_files_come_from(entry: Entry) -> None:
    assert entry.summary.endswith(".")
    assert all(field.description for field in entry.options.model_fields.values())
    for file in files_of(entry):
        algorithm, digits_ = file.checksum.split(":")
        assert len(bytes.fromhex(digits_)) == hashlib.new(algorithm).digest_size
        assert all(re.fullmatch(r"https?://\S+/", mirror) for mirror in file.mirrors)
        assert len(file.mirrors) > 1


@pytest.mark.parametrize("entry", list(datasets), ids=lambda entry: entry.name)
def test_a_data_set_whose_files_are_here_keeps_the_contract(entry: Entry) -> None:
    if any(field.is_required() for field in entry.options.model_fields.values()):
        pytest.skip("it is made of a person's own files")
    if isinstance(entry, DataEntry) and entry.package and not entry.comes_along:
        pytest.skip(f"{entry.package} is not installed")
    if not all(file.path.exists() for file in files_of(entry)):
        pytest.skip("EQUIVAUG_DATA names no folder with its files")
    # fewer examples of those that are made as many as asked for
    fewer = {name: number for name, number in FEWER.items() if asks(entry, name)}
    dataset = entry.make(entry.options(**fewer))
    assert (dataset.shape.domain, dataset.shape.task) == (entry.domain, entry.task)
    assert torch.equal(dataset.train.inputs, entry.make(entry.options(**fewer)).train.inputs)
    if entry.domain == "plane":
        satisfies_contract(dataset, dataset.shape.size, dataset.shape.channels)
    assert len(training_set(dataset, 20, seed=0)) == 20
    assert copies_between((dataset.train, dataset.validation)) == 0


@pytest.mark.parametrize("size", [16, 28, 29])
def test_digits(size: int) -> None:
    dataset = digits.load(digits.DigitsOptions(size=size))
    satisfies_contract(dataset, size, channels=1)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [1000, 297, 500]
    assert copies_between(splits) == 0
    # nothing is lost when an image turns: all ink lies inside the largest centred disc
    centre = (torch.arange(size) - (size - 1) / 2) ** 2
    outside = centre[:, None] + centre > (size / 2) ** 2
    assert dataset.train.inputs[..., outside].max() == 0


def test_the_revision_of_the_digits_is_stable() -> None:
    """Another value means other cells: raise the version of the data set together with it."""
    assert digits.load(digits.DigitsOptions()).revision == "46d1a4abf2e19f7f"


def test_digits_look_like_themselves() -> None:
    dataset = digits.load(digits.DigitsOptions())
    means = torch.stack([dataset.train.inputs[dataset.train.targets == k].double().mean(0) for k in range(10)]).flatten(
        1
    )
    distances = torch.cdist(dataset.test.inputs.double().flatten(1), means)
    assert (distances.argmin(1) == dataset.test.targets).double().mean() > 0.85


@needs_mnist
def test_mnist() -> None:
    dataset = mnist.load(SizeOptions())
    satisfies_contract(dataset, 28, channels=1)
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [50_000, 10_000, 10_000]
    assert copies_between((dataset.train, dataset.validation)) == 0
    # the first test images are 7, 2, 1, 0, 4
    assert dataset.test.targets[:5].tolist() == [7, 2, 1, 0, 4]


@needs_mnist
def test_rotated_mnist() -> None:
    dataset = rotated.load(rotated.RotatedOptions())
    satisfies_contract(dataset, 28, channels=1)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [12_000, 2_000, 50_000]
    assert copies_between(splits) == 0
    # another value means other cells: raise the version of the data set together with it
    assert dataset.revision == "efdf9de078c11801"
    # a one is a line: upright in MNIST, at every angle here, so that the mean one is as wide as high
    ones = dataset.test.inputs[dataset.test.targets == 1].double().mean((0, 1))
    spread = (torch.arange(28) - 13.5) ** 2
    width, height = float((ones.sum(0) * spread).sum()), float((ones.sum(1) * spread).sum())
    assert width == pytest.approx(height, rel=MEAN_OF_TURNED_DIGITS)


@needs_mnist
def test_another_draw_is_other_digits_by_other_angles() -> None:
    first, second = (rotated.load(rotated.RotatedOptions(draw=draw)) for draw in (0, 1))
    assert [len(split) for split in (second.train, second.validation, second.test)] == [12_000, 2_000, 50_000]
    assert copies_between((second.train, second.validation, second.test)) == 0
    # upright digits of both would be 12,000 x 12,000 / 70,000; turned by other angles none is the same
    assert copies_between((first.train, second.train)) == 0
    assert (first.train.targets != second.train.targets).any()


@pytest.mark.parametrize("resampling", ["bilinear", "spline"])
def test_rotation_is_that_of_the_groups(resampling: Resampling) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 1, 15, 15), dtype=torch.uint8, generator=generator)
    turns = torch.tensor([0, 0.25, 0.1, 0.7], dtype=torch.float64)
    turned = rotated.rotate(Split(images, torch.arange(4)), turns, resampling).inputs
    for image, turn, found in zip(images, turns.tolist(), turned, strict=True):
        expected = act(image[None].double(), Element.rotation(turn * 360), resampling)[0].clamp(0, 255)
        assert (found.double() - expected).abs().max() <= ROUNDED_TO_GREY_VALUES


@needs_mnist
def test_the_archive_is_sharper_than_digits_turned_bilinearly_and_less_sharp_than_by_the_spline() -> None:
    digits = idx.read(mnist.FILES[0], mnist.FILES[1], idx.POOL, 10)
    some = Split(digits.inputs[:4000], digits.targets[:4000])
    turns = torch.rand(len(some), dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def kept_contrast(resampling: Resampling) -> float:
        turned = rotated.rotate(some, turns, resampling).inputs.double().std()
        return float(turned / some.inputs.double().std())

    # the archive's deviation by LieConv's loader, of that of MNIST
    assert (kept_contrast("bilinear"), kept_contrast("spline")) == pytest.approx((0.940, 0.975), abs=0.002)
    assert kept_contrast("bilinear") < 0.297 / 0.3081 < kept_contrast("spline")


@pytest.mark.parametrize("size", [16, 40])
def test_resizing_keeps_what_is_smooth(size: int) -> None:
    def wave(points: int) -> Tensor:
        at = (torch.arange(points) + 0.5) / points
        return (127.5 + 100 * torch.sin(3 * at)[:, None] * torch.cos(2 * at)).round().to(torch.uint8)[None, None]

    found, expected = resize(wave(28), size).int(), wave(size).int()
    inside = slice(2, -2)
    assert (found - expected)[..., inside, inside].abs().max() <= BICUBIC_ON_A_SMOOTH_IMAGE


def test_resizing_to_the_same_size_changes_nothing() -> None:
    images = torch.randint(0, 256, (3, 2, 16, 16), dtype=torch.uint8)
    assert torch.equal(resize(images, 16), images)
