"""The networks: equivariant in every stage, matched, exported, refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from bench.domains.vectors import (
    MatrixGroup,
    Tensors,
    inputs_of,
    tensor_shape,
)
from bench.domains.vectors.layers import EquivariantLinear
from bench.domains.vectors.models.emlp import EmlpOptions, MlpOptions
from bench.errors import Impossible
from bench.execute.data import load_data
from bench.measure import equivariance_error
from bench.networks.export import export
from bench.networks.matching import build, resolve
from bench.registry import families
from bench.tasks import REGRESSION
from tests.domains.vectors.cases import FLOAT32, elements, network, relative

CASES = [("o5", "data"), ("inertia", "data"), ("inertia", "SO(3)"), ("lorentz", "data"), ("lorentz", "SO+(1,3)")]


@pytest.mark.parametrize(("dataset", "symmetry"), CASES)
def test_an_emlp_is_equivariant_in_every_stage(dataset: str, symmetry: str) -> None:
    net = network("emlp", dataset, symmetry=symmetry)
    data = load_data(dataset, {"pool": 100})
    own = inputs_of(data.shape).group if symmetry == "data" else MatrixGroup.parse(symmetry)
    inputs = data.test.inputs[:64]
    exact = own.probes({"rotation": [10.0, 77.0, 143.0], "boost": [0.5, 1.0, 1.0]})
    exact += [g @ h for g, h in pairwise(exact)]
    for kind, worst in ((torch.float32, FLOAT32), (torch.float64, 1e-10)):
        rows = equivariance_error(net.to(kind), inputs.to(kind), exact, REGRESSION)
        assert {row["layer"] for row in rows} == {"input", "block1", "block2", "block3", "output"}
        assert max(row["error"] for row in rows) < worst
        assert all(row["invariance_rate"] is None for row in rows)


def test_a_plain_one_is_not_and_its_hidden_layers_have_no_law() -> None:
    net = network("mlp", "inertia")
    own = MatrixGroup.parse("O(3)")
    rows = equivariance_error(net, load_data("inertia", {"pool": 100}).test.inputs[:64], elements(own, 2), REGRESSION)
    assert {row["layer"] for row in rows} == {"input", "output"}
    assert min(row["error"] for row in rows if row["layer"] == "output") > 0.1
    assert str(net.group) == "C1"


@pytest.mark.parametrize("family", ["mlp", "emlp"])
def test_an_exported_network_is_of_ordinary_layers_and_gives_the_same(family: str) -> None:
    net = network(family)
    inputs = torch.randn(5, 10)
    plain = export(net)
    assert not any(isinstance(module, EquivariantLinear) for module in plain.modules())
    assert relative(plain(inputs), net(inputs)) < 1e-5


@pytest.mark.parametrize("by", ["parameters", "flops"])
def test_families_are_matched_in_size(by: str) -> None:
    from bench.cell import Match

    shape = load_data("o5", {"pool": 100}).shape
    emlp = resolve(families["emlp"], EmlpOptions(), shape, 64.0, None)
    target = emlp.parameters if by == "parameters" else emlp.flops
    mlp = resolve(families["mlp"], MlpOptions(), shape, None, Match(by=by, target=target))  # type: ignore[arg-type]
    assert (mlp.parameters if by == "parameters" else mlp.flops) == pytest.approx(target, rel=0.03)


@pytest.mark.parametrize("symmetry", ["O(4)", "SO(3)", "C8", "nonsense"])
def test_a_symmetry_that_does_not_act_is_a_reason(symmetry: str) -> None:
    with pytest.raises(Impossible, match="symmetry"):
        network("emlp", "o5", symmetry=symmetry)


def test_a_matrix_is_made_of_vectors() -> None:
    """r r^T less its trace is what no linear map of r gives, and tensors of rank 2 at most do not either."""
    own = MatrixGroup.parse("O(3)")
    shape = tensor_shape(Tensors.parse(own, "2V"), Tensors.parse(own, "T2"))
    entry = families["emlp"]
    for rank, can in ((None, True), (2, False)):
        net = build(entry, entry.options(max_rank=rank, hidden_layers=2), shape, 120.0, 0)
        found = net(torch.randn(6, 6)).view(-1, 3, 3)
        traceless = found - found.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(3)
        assert (float(traceless.detach().norm() / found.detach().norm()) > 1e-3) == can
