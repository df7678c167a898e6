"""Harmonic Networks: the published count, a complex oracle, the laws of every stage, and training."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.axes import check
from bench.domains.plane import image_shape
from bench.domains.plane.models.hnet import (
    ROTATIONS,
    HarmonicConv,
    HnetOptions,
    MagnitudeBias,
    MagnitudeReLU,
    Streams,
    harmonics,
)
from bench.errors import Impossible, UserError
from bench.geometry import Shape
from bench.groups import Element, act, transform
from bench.networks.network import Network
from bench.registry import families
from tests import tolerances
from tests.training import train

QUARTERS = [Element.rotation(degrees) for degrees in (90, 180, 270)]


def build(shape: Shape, width: float = 2.3, seed: int = 0, **options: object) -> Network:
    torch.manual_seed(seed)
    return families["hnet"].make(HnetOptions(**options), shape, width).eval()


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def smooth_images(count: int, channels: int, size: int) -> Tensor:
    """Random blobs, wide enough that resampling them costs little, and zero at the edge of the image."""
    noise = F.interpolate(torch.randn(count, channels, 5, 5), size=size, mode="bicubic", align_corners=False)
    offset = (torch.arange(size) - (size - 1) / 2) / (size / 2)
    return noise * torch.clamp(1 - offset[:, None] ** 2 - offset**2, min=0) ** 2


def test_width_8_has_the_published_count() -> None:
    network = build(image_shape(1, 28, 10), width=8)
    convolutions = [module for module in network.modules() if isinstance(module, HarmonicConv)]
    # the released code holds filters of order -1 in its first layer too, which lead nowhere: 4 rings and a phase each
    unused = 8 * (4 + 1)
    assert sum(p.numel() for module in convolutions for p in module.parameters()) == 33_720 - unused
    assert [module.after.count for module in convolutions] == [8, 8, 16, 16, 32, 32, 10]
    assert sum(p.numel() for p in network.parameters()) == 33_680 + 346


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_a_harmonic_turned_by_a_quarter_is_multiplied_by_its_phase(order: int) -> None:
    waves = harmonics(order, rings=4, kernel_size=5)
    turned = np.rot90(waves, axes=(1, 2))
    np.testing.assert_allclose(turned, waves * np.exp(-0.5j * np.pi * order), atol=tolerances.REPRESENTATION)
    assert np.linalg.matrix_rank(waves.reshape(4, -1), tol=1e-3) == 4


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("outer", [2.0, 3.5])
def test_rings_end_at_the_outer_radius(order: int, outer: float) -> None:
    """Each of four rings is largest at the pixels nearest to its radius; half of the kernel is the default."""
    waves = np.abs(harmonics(order, 4, 5, outer))
    distance = np.hypot(*np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)))
    for wave, radius in zip(waves, np.linspace(0 if order == 0 else 1, outer, 4), strict=True):
        away = np.where((distance == 0) & (order > 0), np.inf, np.abs(distance - radius))
        assert np.allclose(away[wave >= wave.max() - 1e-12], away.min())
    if outer == 2:
        assert np.array_equal(harmonics(order, 4, 5), harmonics(order, 4, 5, outer))


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(1, 2))
@settings(max_examples=15)
def test_the_real_convolution_is_the_complex_one(
    out_orders: int, in_orders: int, count: int, phases: bool, components: int
) -> None:
    """The slow oracle: one complex convolution for every pair of orders."""
    torch.manual_seed(0)
    before = Streams(2, 1 if components == 1 else in_orders, components)
    after = Streams(count, out_orders)
    layer = HarmonicConv(before, after, 5, rings=3, phases=phases)
    features = torch.randn(2, before.channels, 9, 9)
    pairs = features.view(2, before.orders, 2, components, 9, 9)
    z = torch.complex(pairs[:, :, :, 0], pairs[:, :, :, 1] if components == 2 else torch.zeros_like(pairs[:, :, :, 0]))
    expected = []
    for out in range(after.orders):
        total = torch.zeros(2, count, 9, 9, dtype=torch.complex64)
        for into in range(before.orders):
            waves = torch.tensor(harmonics(out - into, 3, 5), dtype=torch.complex64)
            index = out - into + before.orders - 1
            profile = layer.radial[index].to(torch.complex64)
            if layer.phases is not None:
                profile = profile * torch.exp(1j * layer.phases[index])[..., None]
            total = total + F.conv2d(z[:, into], torch.einsum("oir,rxy->oixy", profile, waves), padding=2)
        expected.append(torch.stack([total.real, total.imag], 2).flatten(1, 2))
    torch.testing.assert_close(
        layer(features), torch.cat(expected, 1), rtol=tolerances.SAME_KERNELS, atol=tolerances.SAME_KERNELS
    )


@pytest.mark.parametrize(
    ("size", "channels", "max_order"), [(16, 1, 1), (17, 3, 1), (22, 1, 2), (33, 1, 0), (64, 1, 1), (65, 3, 1)]
)
def test_every_stage_obeys_its_law_at_quarter_turns(size: int, channels: int, max_order: int) -> None:
    network = build(image_shape(channels, size, 10), max_order=max_order)
    assert network.group == ROTATIONS
    images = torch.randn(2, channels, size, size)
    with torch.no_grad():
        before = dict(network.trace(images))
        for g in QUARTERS:
            moved = torch.rot90(images, round(g.turn * 4), (2, 3))
            after = dict(network.trace(moved))
            assert list(after) == [f"block{i}" for i in range(1, 7)] + ["classes", "invariants", "output"]
            for name, features in after.items():
                assert relative(features, network.laws[name].act(before[name], g)) <= tolerances.EXACT_IN_FLOAT32, name


def test_a_feature_of_order_one_turns_and_does_not_just_move() -> None:
    """The negative control: without the turn of the components the law of a block does not hold."""
    network = build(image_shape(1, 16, 10))
    images = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        block = network.stages["block2"](network.stages["block1"](images))
        moved = network.stages["block2"](network.stages["block1"](torch.rot90(images, 1, (2, 3))))
    assert relative(moved, torch.rot90(block, 1, (2, 3))) > 0.1


def test_at_45_degrees_a_harmonic_network_is_far_closer_than_a_plain_one() -> None:
    g = Element.rotation(45)
    images = smooth_images(4, 1, 49)

    def error(network: Network, stage: str) -> float:
        with torch.no_grad():
            before, after = dict(network.trace(images))[stage], dict(network.trace(act(images, g)))[stage]
            return relative(after, network.laws[stage].act(before, g))

    torch.manual_seed(0)
    cnn = families["cnn"]
    plain = error(cnn.make(cnn.options(), image_shape(1, 49, 10), 4).eval(), "block6")
    assert error(build(image_shape(1, 49, 10)), "classes") < tolerances.HARMONIC_OVER_PLAIN * plain


def test_gradients_are_finite_where_features_are_zero() -> None:
    network = build(image_shape(1, 16, 4)).train()
    network(torch.zeros(2, 1, 16, 16)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_magnitude_nonlinearity_keeps_the_phase_and_cuts_small_magnitudes() -> None:
    nonlinearity = MagnitudeReLU(1, MagnitudeBias(1))
    with torch.no_grad():
        nonlinearity.change.bias.fill_(-1.0)
    features = torch.tensor([[3.0, 4.0], [0.3, 0.4]])[:, :, None, None]
    found = nonlinearity(features)[:, :, 0, 0]
    torch.testing.assert_close(
        found,
        torch.tensor([[2.4, 3.2], [0.0, 0.0]]),
        rtol=tolerances.KEPT_OFF_ZERO,
        atol=tolerances.KEPT_OFF_ZERO,
    )


@pytest.mark.parametrize("width", [0.01, 1, 1.1, 3.7])
@pytest.mark.parametrize("shape", [image_shape(1, 16, 2), image_shape(3, 21, 5)])
def test_it_builds_and_trains_at_any_width_in_either_layout_and_precision(width: float, shape: Shape) -> None:
    network = build(shape, width).train()
    images = torch.randn(4, shape.channels, shape.size, shape.size).clone(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(images)
    assert logits.shape == (4, shape.outputs)
    F.cross_entropy(logits.float(), torch.zeros(4, dtype=torch.int64)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    with torch.device("meta"):
        abstract = families["hnet"].make(HnetOptions(), shape, width)
    assert [p.shape for p in abstract.parameters()] == [p.shape for p in network.parameters()]


def test_wider_networks_grow_field_by_field() -> None:
    sizes = [
        sum(p.numel() for p in build(image_shape(1, 16, 10), width).parameters()) for width in np.arange(2, 4, 0.05)
    ]
    assert sizes == sorted(sizes)
    assert max(b / a for a, b in pairwise(sizes)) < 1.2


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"kernel_size": 4}, "odd"),
        ({"rings": 6}, "at most 5"),
        ({"kernel_size": 3}, "at most 2"),
        ({"pool_after": [7]}, "outside 1 to 6"),
        ({"ring": 4}, "did you mean 'rings'"),
        ({"channels": [1, -1]}, "greater than 0"),
    ],
)
def test_bad_options_are_told_apart(raw: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(raw, HnetOptions, "suite.yaml: families[0]")


def test_small_images_are_impossible() -> None:
    with pytest.raises(Impossible, match="15 pixels"):
        build(image_shape(1, 15, 10))


def test_it_learns_a_shape_upright_and_knows_it_turned() -> None:
    """Bars against crosses, always upright in training, turned by any angle in the test."""
    torch.manual_seed(0)
    size, count = 16, 128
    labels = torch.arange(count) % 2
    images = torch.zeros(count, 1, size, size)
    images[:, 0, 7:9, 3:13] = 1
    images[labels == 1, 0, 3:13, 7:9] = 1
    images += 0.2 * torch.randn_like(images)
    network = build(image_shape(1, size, 2), channels=(1, 1, 2, 2))
    train(network, images, labels, steps=40, batch_size=32)
    network.eval()
    turned = transform(images, torch.rand(count), torch.zeros(count, dtype=torch.bool))
    with torch.no_grad():
        accuracy = float((network(turned).argmax(1) == labels).float().mean())
    assert accuracy >= tolerances.LEARNT_TWO_SHAPES
