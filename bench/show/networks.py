"""The two networks of `show fields`: one scalar and one vector field after a few layers, steerable and plain."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from bench.domains.plane.layers import GatedNonlinearity, SteerableConv
from bench.groups import FieldType, Group, irrep, trivial

ROTATIONS = Group.parse("SO(2)")

#: A scalar field and a vector field, which turns with the plane.
OUTPUT = FieldType(((trivial(ROTATIONS), 1), (irrep(ROTATIONS, 1), 1)))

KERNEL = 7
DEPTH = 3


def steerable(channels: int, seed: int) -> nn.Module:
    """Return an SO(2)-steerable network with random weights: images (B, channels, S, S) to `OUTPUT`, (B, 3, S, S)."""
    hidden = FieldType(tuple((irrep(ROTATIONS, frequency), 4) for frequency in range(3)))
    types = [FieldType.scalars(ROTATIONS, channels), *[hidden] * (DEPTH - 1)]
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for before, after in pairwise(types):
            layers += [SteerableConv(before, GatedNonlinearity.with_gates(after), KERNEL), GatedNonlinearity(after)]
        layers.append(SteerableConv(types[-1], OUTPUT, KERNEL))
    return nn.Sequential(*layers).eval()


def plain(channels: int, seed: int) -> nn.Module:
    """Return a plain network of the same depth and kernels; its three channels are taken for a scalar and a vector."""
    widths = [channels, *[12] * (DEPTH - 1), OUTPUT.channels]
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for i, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.ReLU()] if i else []
            layers.append(nn.Conv2d(before, after, KERNEL, padding=KERNEL // 2, bias=False))
    return nn.Sequential(*layers).eval()
