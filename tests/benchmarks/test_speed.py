"""Speed as ratios: what belongs together is in one group and is read as a ratio within one run (`tox -e bench`).

A step of an equivariant network stands beside its floor (the plain network of the same expanded channels and kernels)
and beside the same architecture in e2cnn; a batched augmentation beside one image at a time.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import nn

from bench.augment import Augmentation
from bench.groups import FieldType, Group, regular
from bench.kernels import decompose, kernel_basis
from bench.measure import equivariance_error
from bench.models.cnn import plain_block
from bench.models.matching import build
from bench.models.network import Network, Shape
from bench.models.planar import PlanarOptions, counts, planar_network
from bench.registry import families

SHAPE, WIDTH, BATCH = Shape(1, 28, 10), 3.0, 64


def made(name: str, **options: str) -> Network:
    entry = families[name]
    return build(entry, entry.options(**options), SHAPE, WIDTH, seed=0)


def floor(order: int, kernel_size: int) -> Network:
    """The plain network with the channels and kernels that a network of a finite group expands to."""
    options = PlanarOptions(kernel_sizes=(kernel_size,))
    widths = iter(counts(options.channels, WIDTH))
    return planar_network(
        Group(1),
        SHAPE,
        options,
        WIDTH,
        fields=lambda _: FieldType.scalars(Group(1), order * next(widths)),
        block=plain_block,
        invariants=lambda last: (nn.Identity(), last.channels),
    )


NETWORKS = {
    "C8 5x5, 1 floor": lambda: floor(8, 5),
    "C8 5x5, 2 steerable": lambda: made("steerable", group="C8"),
    "C8 5x5, 3 e2cnn": lambda: made("e2cnn", group="C8"),
    "p4 3x3, 1 floor": lambda: floor(4, 3),
    "p4 3x3, 2 gcnn": lambda: made("gcnn", group="C4"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_training_step(benchmark, name: str) -> None:
    benchmark.group = f"training step, {name.split(',')[0]}"
    network = NETWORKS[name]().train()
    images, labels = torch.rand(BATCH, 1, 28, 28), torch.arange(BATCH) % 10
    optimizer = torch.optim.AdamW(network.parameters())

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    benchmark.pedantic(step, rounds=10, warmup_rounds=2)


@pytest.mark.parametrize("name", ["steerable", "e2cnn"])
def test_building_a_network(benchmark, name: str) -> None:
    benchmark.group = "build C8"

    def fresh() -> None:
        kernel_basis.cache_clear()
        decompose.cache_clear()

    benchmark.pedantic(lambda: made(name, group="C8"), setup=fresh, rounds=5, warmup_rounds=1)


def test_solving_a_d16_basis(benchmark) -> None:
    benchmark.group = "kernel basis D16 regular to regular, 5 x 5"
    rho = regular(Group.parse("D16"))

    def solve() -> np.ndarray:
        decompose.cache_clear()
        return kernel_basis.__wrapped__(rho, rho, 5)

    assert benchmark.pedantic(solve, rounds=5, warmup_rounds=1).shape == (352, 32, 32, 5, 5)


@pytest.mark.parametrize("way", ["batched", "image by image"])
def test_rotating_a_batch(benchmark, way: str) -> None:
    benchmark.group = "rotating 512 images by random angles"
    images = torch.rand(512, 1, 28, 28)
    augmentation = Augmentation(Group.parse("SO(2)"), 1.0)
    angles = np.random.default_rng(0).uniform(-180, 180, len(images))

    def one_by_one() -> None:
        for image, angle in zip(images.numpy(), angles, strict=True):
            ndimage.rotate(image[0], angle, reshape=False, order=1)

    benchmark(one_by_one if way == "image by image" else lambda: augmentation(images, 0, "augmentation"))


@pytest.mark.parametrize("name", ["cnn", "steerable"])
def test_measuring_equivariance(benchmark, name: str) -> None:
    benchmark.group = "equivariance error of 64 images at 90 degrees"
    network = made(name)
    images = torch.rand(64, 1, 28, 28)
    turned = Group(4).elements[1]
    benchmark.pedantic(lambda: equivariance_error(network, images, [turned]), rounds=5, warmup_rounds=1)
