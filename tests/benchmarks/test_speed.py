"""Speed as ratios: what belongs together is in one group and is read as a ratio within one run (`tox -e bench`).

Building stands beside e2cnn's, a batched augmentation beside one image at a time. Training steps beside their floor and
e2cnn's are in speed_table.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.augment import Augmentation
from bench.cell import Match
from bench.groups import Group, regular
from bench.kernels import decompose, kernel_basis
from bench.layers.steerable_convolution import padded_basis
from bench.measure import equivariance_error
from bench.models.matching import build, resolve
from bench.models.network import Network, Shape
from bench.registry import families

SHAPE, WIDTH, BATCH = Shape(1, 28, 10), 3.0, 64


def made(name: str, **options: str) -> Network:
    entry = families[name]
    return build(entry, entry.options(**options), SHAPE, WIDTH, seed=0)


@pytest.mark.parametrize("name", ["steerable", "e2cnn"])
def test_building_a_network(benchmark, name: str) -> None:
    benchmark.group = "build C8"

    def fresh() -> None:
        kernel_basis.cache_clear()
        decompose.cache_clear()
        padded_basis.cache_clear()

    benchmark.pedantic(lambda: made(name, group="C8"), setup=fresh, rounds=5, warmup_rounds=1)


COLD = {
    "D16 regular": {"group": "D16"},
    "D16 irreps to 8": {"group": "D16", "fields": "irreps", "max_frequency": 8},
    "O(2) irreps to 8": {"group": "O(2)", "fields": "irreps", "max_frequency": 8},
}


@pytest.mark.parametrize("name", COLD)
def test_solving_and_matching_cold(benchmark, name: str) -> None:
    benchmark.group = "resolve to 25,000 parameters, cold"
    entry = families["steerable"]

    def fresh() -> None:
        for cache in (kernel_basis, decompose, resolve, padded_basis):
            cache.cache_clear()

    options = entry.options(**COLD[name])
    match = Match(by="parameters", target=25_000)
    benchmark.pedantic(lambda: resolve(entry, options, SHAPE, None, match), setup=fresh, rounds=3)


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
