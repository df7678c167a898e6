"""Groups and tensors that tests draw from, networks of them, and a suite."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from bench.domains.vectors import (
    MatrixElement,
    MatrixGroup,
)
from bench.execute.data import load_data
from bench.networks.matching import build
from bench.networks.network import Network
from bench.registry import families

NAMES = ["O(2)", "SO(2)", "O(3)", "SO(3)", "O(5)", "SO(5)", "O(1,3)", "SO+(1,3)", "SO+(1,3) boost 2"]
GROUPS = [MatrixGroup.parse(name) for name in NAMES]
groups = st.sampled_from(GROUPS)

#: Products of a few float32 matrices whose entries boosts make large (measured: 3e-6).
FLOAT32 = 2e-5


def drawn(group: MatrixGroup, count: int, seed: int = 0, strength: float = 1.0) -> Tensor:
    (matrices,) = group.sample(strength, count, torch.Generator().manual_seed(seed))
    return matrices.double()


def elements(group: MatrixGroup, count: int, seed: int = 0) -> list[MatrixElement]:
    return [MatrixElement.of(matrix.numpy()) for matrix in drawn(group, count, seed)]


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).detach().norm() / expected.detach().norm())


texts = st.sampled_from(["S", "V", "2V", "5S + 5V", "T2", "S + V + T2", "2T2 + 3S"])


def network(family: str, dataset: str = "o5", width: float = 48.0, seed: int = 0, **options: object) -> Network:
    entry = families[family]
    shape = load_data(dataset, {"pool": 100}).shape
    return build(entry, entry.options.model_validate(options), shape, width, seed).eval()


SUITE = {
    "name": "small",
    "data": {"name": "inertia", "pool": 200, "train_sizes": [100]},
    "augmentation": {"strengths": [0, 0.5, 1]},
    "families": [{"family": "mlp", "width": 16}, {"family": "emlp", "width": 24}],
    "budget": {"steps": 20, "batch_size": 20, "evaluations": 2, "precision": "float32"},
    "seeds": 1,
    "measure": {"test_images": 200, "equivariance": {"samples": 16}},
}
