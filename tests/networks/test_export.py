"""A network without its bases: the same outputs from ordinary convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.domains.plane import image_shape
from bench.domains.plane.layers import ExpandedConv, FieldBatchNorm, SteerableConv
from bench.networks.export import export
from bench.networks.matching import build
from bench.networks.network import Network
from bench.networks.size import count_flops
from bench.registry import families

NETWORKS = {
    "cnn": ("cnn", {}),
    "gcnn C4": ("gcnn", {"group": "C4"}),
    "gcnn D4": ("gcnn", {"group": "D4"}),
    "steerable C8": ("steerable", {"group": "C8"}),
    "steerable gated": ("steerable", {"group": "SO(2)", "fields": "irreps"}),
    "steerable norm": ("steerable", {"group": "O(2)", "fields": "irreps", "nonlinearity": "norm"}),
    "steerable induced": ("steerable", {"group": "D4", "fields": "induced"}),
    "hnet": ("hnet", {}),
    "et": ("et", {}),
    "e2cnn C8": ("e2cnn", {"group": "C8"}),
    "e2cnn gated": ("e2cnn", {"group": "SO(2)", "fields": "irreps"}),
    "p4cnn": ("p4cnn", {}),
    "p4cnn-rotation-pooling": ("p4cnn-rotation-pooling", {}),
    "e2-benchmark": ("e2-benchmark", {}),
    "e2-benchmark-cnn": ("e2-benchmark-cnn", {}),
    "steerable elu": ("steerable", {"group": "C4", "nonlinearity": "elu"}),
}
SHAPE = image_shape(1, 28, 4)


@torch.enable_grad()
def trained(name: str) -> Network:
    """A network whose statistics and weights are no longer those of its first day."""
    family, options = NETWORKS[name]
    entry = families[family]
    network = build(entry, entry.options(**options), SHAPE, 2.0, seed=0).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for step in range(3):
        images = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), torch.arange(8) % 4).backward()
        optimizer.step()
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_an_exported_network_has_the_same_outputs_layer_by_layer(name: str) -> None:
    network = trained(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    plain = export(network)
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(9))
    expected = dict(network.trace(images))
    for layer, found in plain.trace(images):
        scale = float(expected[layer].abs().max())
        assert float((found - expected[layer]).abs().max()) <= 1e-5 * max(scale, 1), layer
    kinds = {type(module) for module in plain.modules()}
    assert not any(issubclass(kind, (ExpandedConv, FieldBatchNorm)) for kind in kinds)
    assert nn.Conv2d in kinds
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["gcnn C4", "steerable C8", "steerable gated", "hnet"])
@torch.no_grad()
def test_an_exported_network_can_be_traced_and_costs_the_flops_that_tables_give(name: str) -> None:
    network = trained(name)
    plain = export(network)
    images = torch.rand(4, 1, 28, 28)
    compiled = torch.jit.trace(plain, images, check_trace=False)
    torch.testing.assert_close(compiled(images), network(images), rtol=1e-4, atol=1e-5)
    assert count_flops(plain, SHAPE) == count_flops(network, SHAPE)


def test_evaluation_expands_once_and_again_when_weights_change() -> None:
    network = trained("steerable C8")
    layer = next(module for module in network.modules() if isinstance(module, SteerableConv))
    expanded = 0
    kernel = layer.kernel

    def counted() -> torch.Tensor:
        nonlocal expanded
        expanded += 1
        return kernel()

    layer.kernel = counted  # type: ignore[method-assign]
    images = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        first, again = network(images), network(images)
        assert expanded == 1
        assert torch.equal(first, again)
        layer.coefficients.mul_(2.0)
        assert not torch.equal(network(images), first)
        network.load_state_dict({key: value * 1.5 for key, value in network.state_dict().items()})
        network(images)
    assert expanded == 3
    network(images)  # with gradients, which must reach the coefficients
    assert expanded == 4
