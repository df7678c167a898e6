"""The symmetries of the grid are exact in every layer, and the law holds between its angles."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.domains.plane import image_shape
from bench.errors import Impossible
from bench.groups import Element
from bench.measure import equivariance_error
from tests import tolerances
from tests.networks.planar import EXACT, TURNED, network_of, smallest_shape, used


def exact(layer: str) -> float:
    return tolerances.EXACT_LOGITS if layer == "output" else tolerances.EXACT_HIDDEN_FEATURES


@pytest.mark.parametrize("case", EXACT)
@given(size=st.integers(16, 65), channels=st.sampled_from([1, 3]))
@settings(max_examples=5)
def test_symmetries_of_the_grid_stay_exact_through_every_layer(case: str, size: int, channels: int) -> None:
    """At any image size, even or odd, at init and after training."""
    name, options = EXACT[case]
    shape = image_shape(channels, size, 5)
    network = network_of(name, options, shape, 1.0)
    elements = [TURNED]
    if network.group.mirrors:
        elements.append(TURNED @ Element(mirror=True))
    images = torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(size))
    for stage in (network, used(network, shape, steps=2)):
        for row in equivariance_error(stage, images, elements):
            assert row["error_max"] <= exact(row["layer"]), row
            assert row["floor"] <= tolerances.EXACT_LOGITS, row


@pytest.mark.parametrize("name", ["p4cnn", "p4cnn-rotation-pooling"])
@pytest.mark.parametrize("size", [22, 28, 40])
def test_p4cnn_is_exact_where_it_can_be_built(name: str, size: int) -> None:
    shape = image_shape(1, size, 10)
    network = used(network_of(name, {}, shape, 4), shape)
    images = torch.rand(4, 1, size, size, generator=torch.Generator().manual_seed(0))
    for row in equivariance_error(network, images, [TURNED]):
        assert row["error_max"] <= exact(row["layer"]), row


@pytest.mark.parametrize("size", [16, 27, 29])
def test_p4cnn_refuses_sizes_that_its_pooling_would_break(size: int) -> None:
    with pytest.raises(Impossible, match="even image sizes from 22"):
        network_of("p4cnn", {}, image_shape(1, size, 10))


@pytest.mark.parametrize(
    ("name", "size"), [("e2-benchmark", 26), ("e2-benchmark", 29), ("e2-benchmark-cnn", 20), ("e2-final", 24)]
)
def test_networks_with_two_poolings_refuse_sizes_that_these_would_break(name: str, size: int) -> None:
    with pytest.raises(Impossible, match=f"take image sizes from .* in steps of 4, the paper's being 28; found {size}"):
        network_of(name, {}, image_shape(1, size, 10))


@pytest.mark.parametrize(("group", "channels"), [("C4", (64, 192, 256, 256, 384)), ("D8", (256, 384, 512, 512, 768))])
def test_the_benchmarks_networks_have_fields_by_the_root_of_their_groups_order(
    group: str, channels: tuple[int, ...]
) -> None:
    """16, 24, 32, 32, 48 fields of C16; from the second layer on sqrt(16 / |G|) times as many; 24, 12 and 6 pixels."""
    network = network_of("e2-benchmark", {"group": group}, image_shape(1, 28, 10), 16)
    shapes = {name: tuple(features.shape[1:]) for name, features in network.eval().trace(torch.rand(2, 1, 28, 28))}
    sides = (24, 12, 12, 6, 6)
    expected = {f"block{i}": (c, s, s) for i, (c, s) in enumerate(zip(channels, sides, strict=True), start=1)}
    assert shapes == {**expected, "block6": (64, 2, 2), "output": (10,)}


@pytest.mark.parametrize("group", ["C1", "SO(2)"])
def test_regular_fields_need_a_finite_group_that_moves_something(group: str) -> None:
    with pytest.raises(ValidationError, match="finite group of two elements or more"):
        network_of("e2-benchmark", {"group": group}, image_shape(1, 28, 10))


@pytest.mark.parametrize("name", ["cnn", "z2cnn", "e2-benchmark-cnn"])
def test_the_measurement_rejects_a_plain_network(name: str) -> None:
    """The negative control: what passes for exact above is passed by no layer of a network without the symmetry."""
    shape = smallest_shape(name)
    network = used(network_of(name, {}, shape, 8.0), shape)
    images = torch.rand(4, 1, shape.size, shape.size, generator=torch.Generator().manual_seed(0))
    images[..., : shape.size // 2] *= 0.1  # noise without a direction has the same averages when it is turned
    for row in equivariance_error(network, images, [TURNED]):
        if row["layer"] != "input":
            assert row["error"] > (0.02 if row["layer"] == "output" else 0.2), row


# the law between the grid's own angles

#: Every kind of choice that is offered; those of C4 and D4 do not promise this angle.
LAW = {
    **{name: choice for name, choice in EXACT.items() if not name.startswith("gcnn")},
    "steerable C8": ("steerable", {"group": "C8"}),
    "steerable C16": ("steerable", {"group": "C16"}),
    "steerable D8": ("steerable", {"group": "D8"}),
    "steerable C8 elu": ("steerable", {"group": "C8", "nonlinearity": "elu"}),
    "steerable D8 quotient": ("steerable", {"group": "D8", "fields": "quotient", "subgroup": "C2"}),
    "steerable D8 induced": ("steerable", {"group": "D8", "fields": "induced"}),
    "steerable SO(2) of frequency 4": ("steerable", {"group": "SO(2)", "fields": "irreps", "max_frequency": 4}),
    "e2cnn C8": ("e2cnn", {"group": "C8"}),
    "hnet of order 0": ("hnet", {"max_order": 0}),
    "hnet of order 2": ("hnet", {"max_order": 2}),
    "hnet with rings in the corners": ("hnet", {"outer_radius": 3.5}),
    "hnet of 7 pixels": ("hnet", {"kernel_size": 7, "rings": 5}),
    "benchmark C8": ("e2-benchmark", {"group": "C8"}),
    "benchmark D8": ("e2-benchmark", {"group": "D8"}),
    "final C16": ("e2-final", {}),
}


@pytest.mark.parametrize("choice", [choice for choice in LAW if "C4" not in choice and "D4" not in choice])
def test_the_law_holds_at_45_degrees_on_smooth_images(choice: str) -> None:
    """Where resampling costs nothing, on large and smooth images: what is left is the pixels of the filters."""
    name, options = LAW[choice]
    size = 100 if name.startswith("e2-") else 97  # those take multiples of four
    images = blobs(8, size)
    network = network_of(name, options, image_shape(1, size, 10), 3.0).train()
    with torch.no_grad():
        for _ in range(30):  # so that the running statistics are those of these images, and no feature is all dark
            network(images)
    rows = {row["layer"]: row for row in equivariance_error(network.eval(), images, [Element.rotation(45)])}
    assert rows["input"]["floor"] < 1e-4
    assert rows["block3"]["error"] <= tolerances.LAW_AT_45_DEGREES, rows["block3"]


def blobs(count: int, size: int, width: float = 5.0) -> torch.Tensor:
    """Return sums of twelve bright and dark Gaussians (N, 1, S, S), ``width`` pixels wide, inside of the disc."""
    axis = torch.arange(size) - (size - 1) / 2
    draw = torch.Generator().manual_seed(0)
    images = torch.zeros(count, 1, size, size)
    for _ in range(12):
        radius = torch.rand(count, 1, 1, 1, generator=draw).sqrt() * 30
        angle = torch.rand(count, 1, 1, 1, generator=draw) * 2 * torch.pi
        x, y = axis - radius * angle.cos(), axis[:, None] - radius * angle.sin()
        images += torch.randn(count, 1, 1, 1, generator=draw) * torch.exp(-(x**2 + y**2) / (2 * width**2))
    return images
