"""The synthetic tasks of Finzi et al. 2021 (section 8.1): generated, seeded, the same in every run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from bench.data.dataset import Dataset, Split
from bench.domains.vectors.groups import parse
from bench.domains.vectors.shape import tensor_shape
from bench.domains.vectors.tensors import Tensors
from bench.registry import Options, datasets
from bench.seeds import generator

VALIDATION, TEST = 1000, 5000


class GeneratedOptions(Options):
    """How much is generated."""

    pool: int = Field(30_000, ge=10, le=10**6, description="examples that training sets are drawn from")


Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]


def generated(name: str, group: str, inputs: str, targets: str, draw: Draw, pool: int) -> Dataset:
    """Return three disjoint splits of examples that ``draw(count, generator)`` gives in float64."""
    x, y = draw(pool + VALIDATION + TEST, generator(0, f"data {name}"))
    parts = zip(*(each.float().split([pool, VALIDATION, TEST]) for each in (x, y)), strict=True)
    train, validation, test = (Split(*part) for part in parts)
    own = parse(group)
    shape = tensor_shape(Tensors.parse(own, inputs), Tensors.parse(own, targets))
    return Dataset(name, shape, train, validation, test)


def o5(count: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return two vectors of R^5 (n, 10) and a scalar (n, 1) of mean 0 and deviation 1.

    y = sin|x1| - |x2|^3 / 2 + x1.x2 / (|x1| |x2|), before it is standardised.
    """
    one, other = torch.randn(2, count, 5, generator=draws, dtype=torch.float64)
    a, b = one.norm(dim=1), other.norm(dim=1)
    y = a.sin() - b**3 / 2 + (one * other).sum(1) / (a * b)
    return torch.cat([one, other], 1), ((y - y.mean()) / y.std())[:, None]


def inertia(count: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return five masses and five positions (n, 20), and their tensor of inertia (n, 9).

    Masses are softplus of normal numbers; I = sum of m (|r|^2 1 - r r^T).
    """
    masses = torch.nn.functional.softplus(torch.randn(count, 5, generator=draws, dtype=torch.float64))
    places = torch.randn(count, 5, 3, generator=draws, dtype=torch.float64)
    squares = places.square().sum(2)[..., None, None] * torch.eye(3, dtype=torch.float64)
    tensor = (masses[..., None, None] * (squares - places[..., :, None] * places[..., None, :])).sum(1)
    return torch.cat([masses, places.flatten(1)], 1), tensor.flatten(1)


def lorentz(count: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return four momenta of R^(1,3) (n, 16), and the matrix element of electron-muon scattering (n, 1).

    Y = 4 times the sum over components of L_e and L_mu, with L_e = p1 p3 - (p1.p3 - p1.p1) eta in upper indices and
    L_mu = p2 p4 - (p2.p4 - p2.p2) eta in lower ones; products by the metric eta = diag(1, -1, -1, -1).
    """
    momenta = torch.randn(count, 4, 4, generator=draws, dtype=torch.float64) / 4
    eta = torch.diag(torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=torch.float64))
    lowered = momenta @ eta

    def dot(i: int, j: int) -> Tensor:
        return (momenta[:, i] * lowered[:, j]).sum(1)[:, None, None]

    electron = momenta[:, 0, :, None] * momenta[:, 2, None] - (dot(0, 2) - dot(0, 0)) * eta
    muon = lowered[:, 1, :, None] * lowered[:, 3, None] - (dot(1, 3) - dot(1, 1)) * eta
    return momenta.flatten(1), 4 * (electron * muon).sum((1, 2))[:, None]


@datasets.register("o5", options=GeneratedOptions, version=1, domain="vectors", task="regression", group="O(5)")
def load_o5(options: GeneratedOptions) -> Dataset:
    """Invariant of two vectors of R^5 (Finzi et al. 2021), generated; regression of a scalar, symmetry O(5)."""
    return generated("o5", "O(5)", "2V", "S", o5, options.pool)


@datasets.register("inertia", options=GeneratedOptions, version=1, domain="vectors", task="regression", group="O(3)")
def load_inertia(options: GeneratedOptions) -> Dataset:
    """Tensor of inertia of five masses (Finzi et al. 2021), generated; regression of a matrix, symmetry O(3)."""
    return generated("inertia", "O(3)", "5S + 5V", "T2", inertia, options.pool)


@datasets.register("lorentz", options=GeneratedOptions, version=1, domain="vectors", task="regression", group="O(1,3)")
def load_lorentz(options: GeneratedOptions) -> Dataset:
    """Electron-muon scattering (Finzi et al. 2021), generated; regression of a scalar, symmetry O(1,3)."""
    return generated("lorentz", "O(1,3)", "4V", "S", lorentz, options.pool)
