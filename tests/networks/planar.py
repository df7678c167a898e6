"""The planar families, and networks of them."""

from __future__ import annotations

import torch

from bench.domains.plane import image_shape
from bench.domains.plane.models.planar import SMALLEST_IMAGE
from bench.geometry import Shape
from bench.groups import Element
from bench.networks.matching import build
from bench.networks.network import Network
from bench.registry import families
from tests.training import train

NAMES = [entry.name for entry in families if "plane" in entry.domains]
#: Networks of a paper, whose layers have no padding, and the least image size that they take.
PAPERS = {name: families[name].least for name in NAMES if families[name].least > SMALLEST_IMAGE}
TURNED = Element.rotation(90)
#: Families that promise rotation by 90 degrees, or the mirror too, at every size.
EXACT = {
    " ".join([name, *map(str, kind.values())]): (name, kind)
    for name in NAMES
    if families[name].exact and name not in PAPERS
    for kind in families[name].kinds
}


def smallest_shape(name: str) -> Shape:
    return image_shape(1, families[name].least, 10)


def network_of(name: str, options: dict, shape: Shape, width: float = 2.0, seed: int = 0) -> Network:
    entry = families[name]
    return build(entry, entry.options(**options), shape, width, seed)


def used(network: Network, shape: Shape, steps: int = 3) -> Network:
    """Return the network after a few training steps, so that its running statistics are not the initial ones."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(4 * steps, shape.channels, shape.size, shape.size, generator=generator)
    labels = torch.randint(0, shape.outputs, (4 * steps,), generator=generator)
    train(network, images, labels, steps, batch_size=4)
    return network.eval()
