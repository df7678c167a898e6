"""Networks of papers have their sizes, their dropout and their layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.domains.plane import image_shape
from bench.networks.size import count_flops, count_parameters
from tests.networks.planar import network_of


@pytest.mark.parametrize(
    ("name", "width", "parameters"),
    [
        ("p4cnn", 10, 24_680),
        ("z2cnn", 20, 21_750),
        ("p4cnn-rotation-pooling", 20, 21_750),
        ("e2-final", 24, 2_692_402),  # published as 2.69 million
    ],
)
def test_the_papers_networks_have_their_published_sizes(name: str, width: float, parameters: int) -> None:
    assert count_parameters(network_of(name, {}, image_shape(1, 28, 10), width)) == parameters


@pytest.mark.parametrize(("name", "rate"), [("p4cnn", 0.0), ("p4cnn-rotation-pooling", 0.0), ("z2cnn", 0.3)])
def test_the_papers_networks_drop_where_the_released_code_does(name: str, rate: float) -> None:
    """After every hidden layer but the second, which is pooled: dropout before a maximum shifts the mean."""
    network = network_of(name, {}, image_shape(1, 28, 10))
    dropped = {
        block: [module.p for module in stage.modules() if isinstance(module, nn.Dropout)]
        for block, stage in network.stages.items()
    }
    expected = {f"block{layer}": [] if layer == 2 else [rate] for layer in range(1, 7)}
    assert dropped == {**expected, "output": []}


def test_rotation_pooling_leaves_plain_maps_after_every_layer() -> None:
    network = network_of("p4cnn-rotation-pooling", {}, image_shape(1, 28, 10), 5)
    for block, features in network.trace(torch.rand(2, 1, 28, 28)):
        assert features.shape[1] == (10 if block == "output" else 5)


@pytest.mark.parametrize("group", ["C4", "C8", "D4", "D8"])
def test_e2cnn_and_steerable_are_the_same_architecture(group: str) -> None:
    """Stage by stage the same parameters, outputs of the same shape, and the same FLOPs."""
    shape = image_shape(1, 28, 10)
    ours, theirs = (network_of(name, {"group": group}, shape).eval() for name in ("steerable", "e2cnn"))
    images = torch.rand(2, 1, 28, 28)
    found = [
        [(name, count_parameters(network.stages[name]), features.shape) for name, features in network.trace(images)]
        for network in (ours, theirs)
    ]
    assert found[0] == found[1]
    assert count_flops(ours, shape) == count_flops(theirs, shape)
