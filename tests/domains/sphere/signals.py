"""Random rotations, spectra and networks for the tests of the sphere."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import strategies as st
from torch import Tensor

from bench.domains.sphere import Rotation, RotationGroup, sphere_shape
from bench.domains.sphere.transforms import (
    rotation_spectrum,
)
from bench.networks.matching import build
from bench.networks.network import Network
from bench.plan.matrix import make
from bench.registry import families
from bench.suite import parse

SO3 = RotationGroup("SO(3)")
seeds = st.integers(0, 2**31)

#: Sums of a few thousand float32 numbers (measured: 4e-7).
FLOAT32 = 1e-5


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def haar(count: int, seed: int = 0, strength: float = 1.0, group: RotationGroup = SO3) -> Tensor:
    (quaternions,) = group.sample(strength, count, torch.Generator().manual_seed(seed))
    return quaternions


def element(seed: int) -> Rotation:
    return Rotation.of_quaternion(haar(1, seed)[0].tolist())


def spectrum(degrees: int, channels: int = 3, examples: int = 2, seed: int = 0) -> Tensor:
    """The spectrum of a random real function on SO(3), of whose coefficients all are about as large."""
    side = 2 * degrees
    found = rotation_spectrum(random(examples, channels, side, side, side, seed=seed), degrees)
    return found * torch.sqrt(torch.arange(degrees) * 2 + 1.0)[:, None, None, None]


def close(found: Tensor, expected: Tensor, relative: float) -> None:
    assert found.shape == expected.shape
    assert float((found - expected).detach().norm()) <= relative * float(expected.detach().norm())


def network(name: str, task: str, width: float = 3, bandwidth: int = 8, **options: object) -> Network:
    entry = families[name]
    shape = sphere_shape(bandwidth, 11, task)
    return build(entry, entry.options.model_validate(options), shape, width, seed=0)


def suite(tmp_path: Path, name: str, **changes: object) -> list:
    text = {
        "name": "sphere",
        "data": {"name": name, "bandwidth": 6, "train_sizes": [64]},
        "augmentation": {"strengths": [0, 1]},
        "families": [{"family": "s2cnn", "width": 3}, {"family": "sphere-cnn", "width": 4}],
        "budget": {"steps": 3, "batch_size": 8, "lr": 0.001},
        "seeds": 1,
        **changes,
    }
    return list(make(parse(text), set(), "here").cells)
