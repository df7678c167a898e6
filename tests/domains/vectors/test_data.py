"""The published tasks, and tensors of a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.domains.vectors import (
    MatrixGroup,
    TensorLaw,
    Tensors,
    targets_of,
)
from bench.domains.vectors.data.npz import VectorsNpzOptions
from bench.domains.vectors.data.npz import load as load_npz
from bench.domains.vectors.data.physics import GeneratedOptions, inertia, load_o5, lorentz, o5
from bench.errors import UserError
from bench.plan.matrix import make
from bench.suite import parse
from tests.domains.vectors.cases import SUITE, elements, relative


@pytest.mark.parametrize(
    ("draw", "group", "inputs", "targets"),
    [(o5, "O(5)", "2V", "S"), (inertia, "O(3)", "5S + 5V", "T2"), (lorentz, "O(1,3)", "4V", "S")],
)
def test_the_tasks_have_their_symmetry(draw: object, group: str, inputs: str, targets: str) -> None:
    """The target of moved inputs is the moved target."""
    own = MatrixGroup.parse(group)
    x, y = draw(50, torch.Generator().manual_seed(0))  # type: ignore[operator]
    law_x, law_y = (TensorLaw(Tensors.parse(own, text)) for text in (inputs, targets))
    for g in elements(own, 3):
        assert relative(_target(draw, law_x.act(x, g)), law_y.act(_target(draw, x), g)) < 1e-5
    assert y.shape == (50, law_y.tensors.size)


def _target(draw: object, x: Tensor) -> Tensor:
    """The published functions once more, written from the paper, index by index."""
    if draw is o5:
        one, other = x.view(-1, 2, 5).unbind(1)
        a, b = one.norm(dim=1), other.norm(dim=1)
        return (a.sin() - b**3 / 2 + (one * other).sum(1) / (a * b))[:, None]
    if draw is inertia:
        m, r = x[:, :5], x[:, 5:].view(-1, 5, 3)
        eye = torch.eye(3, dtype=x.dtype)
        each = torch.einsum("bi,bia,bia->b", m, r, r)[:, None, None] * eye - torch.einsum("bi,bia,bic->bac", m, r, r)
        return each.flatten(1)
    eta = torch.diag(torch.tensor([1.0, -1, -1, -1], dtype=x.dtype))
    p = x.view(-1, 4, 4)
    dot = torch.einsum("bia,ac,bjc->bij", p, eta, p)
    le = torch.einsum("ba,bc->bac", p[:, 0], p[:, 2]) - (dot[:, 0, 2] - dot[:, 0, 0])[:, None, None] * eta
    q = p @ eta
    lm = torch.einsum("ba,bc->bac", q[:, 1], q[:, 3]) - (dot[:, 1, 3] - dot[:, 1, 1])[:, None, None] * eta
    return 4 * torch.einsum("bac,bac->b", le, lm)[:, None]


@pytest.mark.parametrize("draw", [inertia, lorentz])
def test_targets_are_the_published_functions(draw: object) -> None:
    x, y = draw(200, torch.Generator().manual_seed(3))  # type: ignore[operator]
    assert relative(_target(draw, x), y) < 1e-12


def test_the_scalar_of_o5_is_standardised() -> None:
    x, y = o5(20_000, torch.Generator().manual_seed(3))
    raw = _target(o5, x)
    assert float(y.mean()) == pytest.approx(0, abs=1e-9)
    assert float(y.std()) == pytest.approx(1)
    assert float(raw.var()) == pytest.approx(38.5, rel=0.1)  # by which results/emlp-paper compares with the paper
    assert float(torch.corrcoef(torch.cat([raw, y], 1).T)[0, 1]) == pytest.approx(1)


def test_splits_are_disjoint_and_the_same_in_every_run() -> None:
    one, again = (load_o5(GeneratedOptions(pool=50)) for _ in range(2))
    assert one.revision == again.revision
    assert [len(split) for split in (one.train, one.validation, one.test)] == [50, 1000, 5000]
    rows = torch.cat([one.train.inputs, one.validation.inputs, one.test.inputs])
    assert len(torch.unique(rows, dim=0)) == len(rows)
    assert targets_of(one.shape).text == "S"


def saved(path: Path, **changes: np.ndarray) -> Path:
    draw = np.random.default_rng(0)
    np.savez(path, **{"inputs": draw.normal(size=(100, 20)), "targets": draw.normal(size=(100, 3, 3)), **changes})
    return path


def own(path: Path, **changes: object) -> VectorsNpzOptions:
    given = {"path": path, "inputs": "5S + 5V", "targets": "T2", **changes}
    return VectorsNpzOptions.model_validate(given)


def test_a_persons_own_tensors_are_read_and_split(tmp_path: Path) -> None:
    data = load_npz(own(saved(tmp_path / "a.npz")))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [70, 15, 15]
    assert (data.shape.channels, data.shape.outputs, data.shape.fields) == (20, 9, "O(3): 5S + 5V")
    scalars = load_npz(own(saved(tmp_path / "b.npz", targets=np.arange(100)), targets="S"))
    assert scalars.train.targets.shape == (70, 1)
    suite = parse(
        {
            **SUITE,
            "data": {"name": "vectors-npz", "path": str(tmp_path / "a.npz"), "train_sizes": [50]}
            | {"inputs": "5S + 5V", "targets": "T2"},
        }
    )
    assert len(make(suite, set(), "suite").todo) == 6


@pytest.mark.parametrize(
    ("arrays", "options", "told"),
    [
        ({}, {"inputs": "6V"}, r"'inputs' is float64 of shape \(100, 20\); '6V' of O\(3\) has 18 numbers"),
        ({}, {"targets": "Q"}, "'Q' is no sum of tensors"),
        ({}, {"symmetry": "C4"}, "unknown group 'C4'"),
        ({"targets": np.zeros((99, 9))}, {}, "there are 100 'inputs' and 99 'targets'"),
        ({"inputs": np.full((100, 20), np.nan)}, {}, "'inputs' holds numbers that are not finite"),
        ({"inputs": np.full((100, 20), "a")}, {}, "'inputs' is <U1 of shape"),
        ({"inputs": np.zeros((20, 20)), "targets": np.zeros((20, 9))}, {}, "20 examples are too few"),
    ],
)
def test_tensors_that_cannot_be_used_are_one_sentence(
    arrays: dict[str, np.ndarray], options: dict[str, object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told) as caught:
        load_npz(own(saved(tmp_path / "a.npz", **arrays), **options))
    assert "\n" not in str(caught.value)
