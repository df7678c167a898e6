"""Speed as ratios: what belongs together is in one group and is read as a ratio within one run (`tox -e bench`).

Building stands beside e2cnn's, a batched augmentation beside one image at a time. Training steps beside their floor and
e2cnn's are in speed_table.py.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.cell import Budget, Match
from bench.domains.plane import augmentation, image_shape
from bench.domains.plane.kernels import decompose, kernel_basis
from bench.domains.plane.layers import FieldPool
from bench.domains.plane.layers.steerable_convolution import padded_basis
from bench.groups import FieldType, Group, Resampling, regular
from bench.measure import equivariance_error
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.registry import families
from bench.train import Moves, Trainee
from bench.train.step import Step

SHAPE, WIDTH, BATCH = image_shape(1, 28, 10), 3.0, 64


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
    moving = augmentation(Group.parse("SO(2)"), 1.0)
    angles = np.random.default_rng(0).uniform(-180, 180, len(images))

    def one_by_one() -> None:
        for image, angle in zip(images.numpy(), angles, strict=True):
            ndimage.rotate(image[0], angle, reshape=False, order=1)

    benchmark(one_by_one if way == "image by image" else lambda: moving(images, 0, "augmentation"))


@pytest.mark.parametrize(("name", "options"), [("cnn", {}), ("gcnn", {"group": "C4"}), ("steerable", {"group": "C8"})])
def test_a_training_step_with_the_spline_beside_one_with_bilinear_resampling(benchmark, name: str, options) -> None:
    """Pairs of steps, one of each a moment apart: `ratio` is the median of spline over bilinear, of 10,000 weights."""
    benchmark.group = "training step with augmentation: extra_info.ratio is spline / bilinear"
    bilinear, spline = (augmented_step(name, options, way) for way in ("bilinear", "spline"))
    ratios = []

    def pair() -> None:
        began = time.perf_counter()
        bilinear()
        between = time.perf_counter()
        spline()
        ratios.append((time.perf_counter() - between) / (between - began))

    benchmark.pedantic(pair, rounds=150, warmup_rounds=10)
    benchmark.extra_info["ratio"] = round(float(np.median(ratios)), 3)
    print(f"\n{name}: a step with the spline takes {np.median(ratios):.3f} times one with bilinear resampling")


@pytest.mark.parametrize("group", ["C4", "C16"])
def test_group_pooling_beside_amax(benchmark, group: str) -> None:
    """Values and derivatives of 80 channels-last maps: `ratio` is the median over pairs of our time over `amax`'s."""
    benchmark.group = "group pooling: extra_info.ratio is ours / amax"
    rho = regular(Group.parse(group))
    fields = FieldType(((rho, 80 // rho.size),))
    pool = FieldPool(fields)
    features = torch.randn(128, 80, 26, 26).to(memory_format=torch.channels_last).requires_grad_()
    slopes = torch.randn(128, 80 // rho.size, 26, 26).to(memory_format=torch.channels_last)
    ratios = []

    def pair() -> None:
        began = time.perf_counter()
        torch.autograd.grad(pool(features), features, slopes)
        between = time.perf_counter()
        torch.autograd.grad(features.unflatten(1, (-1, rho.size)).amax(2), features, slopes)
        ratios.append((between - began) / (time.perf_counter() - between))

    benchmark.pedantic(pair, rounds=20, warmup_rounds=2)
    benchmark.extra_info["ratio"] = round(float(np.median(ratios)), 3)
    print(f"\n{group}: group pooling takes {np.median(ratios):.2f} of the time of amax")


def augmented_step(name: str, options: dict[str, str], resampling: Resampling) -> Step:
    """Return a training step of 64 images of 28 x 28 that are moved by SO(2) and cut to the disc."""
    entry = families[name]
    architecture = resolve(entry, entry.options(**options), SHAPE, None, Match(by="parameters", target=10_000))
    network = build(entry, architecture.options, SHAPE, architecture.width, seed=0)
    moving = augmentation(Group.parse("SO(2)"), 1.0, resampling, "disc")
    moves = Moves(lambda step, count: moving.draw(count, 0, "augmentation", step), moving.move)
    images, labels = moving.prepare(torch.rand(1000, 1, 28, 28)), torch.arange(1000) % 10
    budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6)
    step = Step([Trainee(network.to(memory_format=torch.channels_last), images, labels, moves, budget, 0)], 2**16)
    step.load(0)
    return step


@pytest.mark.parametrize("name", ["cnn", "steerable"])
def test_measuring_equivariance(benchmark, name: str) -> None:
    benchmark.group = "equivariance error of 64 images at 90 degrees"
    network = made(name)
    images = torch.rand(64, 1, 28, 28)
    turned = Group(4).elements[1]
    benchmark.pedantic(lambda: equivariance_error(network, images, [turned]), rounds=5, warmup_rounds=1)
