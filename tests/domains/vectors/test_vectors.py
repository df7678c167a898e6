"""Tuples of tensors: the groups, every equivariant map against an oracle, the layers, the data, and whole cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from bench.domains.vectors import (
    DOMAIN,
    MatrixElement,
    MatrixGroup,
    TensorLaw,
    Tensors,
    inputs_of,
    targets_of,
    tensor_shape,
)
from bench.domains.vectors.data.npz import VectorsNpzOptions
from bench.domains.vectors.data.npz import load as load_npz
from bench.domains.vectors.data.physics import GeneratedOptions, inertia, load_o5, lorentz, o5
from bench.domains.vectors.layers import Bilinear, EquivariantLinear, Gated, gated
from bench.domains.vectors.maps import linear_maps
from bench.domains.vectors.models.emlp import EmlpOptions, MlpOptions, spread
from bench.errors import Impossible, UserError
from bench.execute.data import load_data
from bench.execute.job import run_cell, run_cells
from bench.measure import equivariance_error
from bench.networks.export import export
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.plan.matrix import make
from bench.registry import families
from bench.suite import parse
from bench.tasks import REGRESSION

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


# groups


@given(groups)
def test_a_group_prints_as_it_parses(group: MatrixGroup) -> None:
    assert MatrixGroup.parse(str(group)) == group


@pytest.mark.parametrize("text", ["", "O(1)", "O(9)", "SO(1,3)", "SO+(3)", "O(1,3) boost 0", "SO(2) boost 1", "C4"])
def test_an_unknown_group_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(UserError, match=r"known: O\(2\)"):
        MatrixGroup.parse(text)


@settings(max_examples=30)
@given(groups, st.floats(0, 1), st.integers(0, 99))
def test_what_is_drawn_keeps_the_metric(group: MatrixGroup, strength: float, seed: int) -> None:
    matrices, metric = drawn(group, 50, seed, strength), torch.diag(torch.as_tensor(group.metric))
    kept = matrices.mT @ metric @ matrices
    assert torch.allclose(kept, metric.expand_as(kept), atol=1e-4 * math.cosh(2 * group.boost))
    if not group.reflects:
        assert torch.allclose(torch.linalg.det(matrices), torch.ones(50, dtype=torch.float64), atol=1e-4)


@given(groups)
def test_strength_zero_is_the_identity(group: MatrixGroup) -> None:
    assert torch.allclose(drawn(group, 20, strength=0.0), torch.eye(group.dimension, dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("name", ["SO(3)", "O(3)", "SO(5)"])
def test_full_strength_is_the_haar_measure(name: str) -> None:
    """Every unit vector goes to a uniform one: its first coordinate, squared, is a Beta(1/2, (d - 1) / 2)."""
    group = MatrixGroup.parse(name)
    first = drawn(group, 20_000)[:, 0, 1].numpy()
    d = group.dimension
    assert stats.kstest(first**2, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > 1e-3
    determinants = torch.linalg.det(drawn(group, 20_000))
    assert float((determinants < 0).double().mean()) == pytest.approx(0.5 if group.reflects else 0, abs=0.02)


def test_of_three_dimensions_the_angle_is_a_share_of_a_haar_random_one() -> None:
    angles = []
    for strength in (1.0, 0.25):
        traces = drawn(MatrixGroup.parse("SO(3)"), 5000, strength=strength).diagonal(dim1=1, dim2=2).sum(1)
        angles.append(torch.rad2deg(((traces - 1) / 2).clamp(-1, 1).acos()))
    assert torch.allclose(angles[0] / 4, angles[1], atol=0.1)
    # Haar on SO(3): a density of (1 - cos angle) / 180 degrees
    cdf = lambda a: (np.radians(a) - np.sin(np.radians(a))) / np.pi  # noqa: E731
    assert stats.kstest(angles[0].numpy(), cdf).pvalue > 1e-3


def test_boosts_are_of_a_rapidity_up_to_the_bound() -> None:
    rapidities = torch.acosh(drawn(MatrixGroup.parse("SO+(1,3) boost 2"), 5000, strength=0.5)[:, 0, 0].clamp(min=1))
    assert stats.kstest(rapidities.numpy(), stats.uniform(0, 1).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_probes_are_what_their_names_say(name: str) -> None:
    group = MatrixGroup.parse(name)
    for g in group.probes({"rotation": [30.0, 90.0], "boost": [0.5, 2.0]}):
        matrix = g.matrix
        assert np.allclose(matrix.T @ np.diag(group.metric) @ matrix, np.diag(group.metric), atol=1e-9)
        assert np.allclose((~g).matrix @ matrix, np.eye(group.dimension), atol=1e-9)
        if g.kind == "rotation":
            # two eigenvalues turn by the angle, the others stay
            angles = np.degrees(np.abs(np.angle(np.linalg.eigvals(matrix))))
            assert sorted(np.round(angles, 6))[-2:] == pytest.approx([g.magnitude] * 2)
        if g.kind == "boost":
            assert matrix[0, 0] == pytest.approx(math.cosh(g.magnitude))


# tensors

texts = st.sampled_from(["S", "V", "2V", "5S + 5V", "T2", "S + V + T2", "2T2 + 3S"])


@settings(max_examples=40)
@given(groups, texts, st.integers(0, 99))
def test_tensors_transform_as_a_group(group: MatrixGroup, text: str, seed: int) -> None:
    tensors = Tensors.parse(group, text)
    g, h = elements(group, 2, seed)
    values = torch.randn(3, tensors.size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    law = TensorLaw(tensors)
    assert relative(law.act(law.act(values, h), g), law.act(values, g @ h)) < 1e-9
    assert relative(law.act(values, g), values @ torch.as_tensor(tensors.matrix(g.matrix)).T) < 1e-9


@given(groups, texts)
def test_moving_each_by_its_own_is_acting_with_each_alone(group: MatrixGroup, text: str) -> None:
    law, matrices = TensorLaw(Tensors.parse(group, text)), drawn(group, 4)
    values = torch.randn(4, law.tensors.size, dtype=torch.float64)
    alone = [law.act(values[i : i + 1], MatrixElement.of(matrices[i].numpy())) for i in range(4)]
    assert relative(law.move(law.prepare(values), (matrices,)), torch.cat(alone)) < 1e-12


@given(groups, texts)
def test_tensors_print_as_they_parse(group: MatrixGroup, text: str) -> None:
    tensors = Tensors.parse(group, text)
    assert Tensors.parse(group, tensors.text) == tensors


@pytest.mark.parametrize("text", ["", "3", "0V", "V + ", "T5", "-1V", "2 W"])
def test_what_is_no_sum_of_tensors_is_told(text: str) -> None:
    with pytest.raises(UserError, match="accepted are scalars S"):
        Tensors.parse(GROUPS[0], text)


# every equivariant map

#: Published and classical: of O(n) products of deltas, of SO(3) and SO+(1,3) the epsilon tensor too.
COUNTS = {
    "O(3)": {(0, 2): 1, (1, 1): 1, (1, 2): 0, (2, 2): 3, (3, 3): 15},
    "SO(3)": {(0, 2): 1, (1, 1): 1, (1, 2): 1, (2, 2): 3, (0, 3): 1},
    "SO(2)": {(1, 1): 2, (0, 1): 0, (0, 2): 2},
    "O(5)": {(1, 1): 1, (2, 2): 3},
    "O(1,3)": {(0, 2): 1, (1, 1): 1, (2, 2): 3},
    "SO+(1,3)": {(1, 1): 1, (2, 2): 4},
}


@pytest.mark.parametrize(("name", "ranks"), [(name, ranks) for name, counts in COUNTS.items() for ranks in counts])
def test_there_are_as_many_maps_as_the_theory_says(name: str, ranks: tuple[int, int]) -> None:
    assert len(linear_maps(MatrixGroup.parse(name), *ranks)) == COUNTS[name][ranks]


@pytest.mark.parametrize("name", NAMES[:6])
@pytest.mark.parametrize("ranks", [(0, 1), (1, 1), (0, 2), (1, 2), (2, 1)])
def test_the_maps_are_those_that_averaging_over_the_group_leaves(name: str, ranks: tuple[int, int]) -> None:
    """The oracle: the mean of rho(g) W rho(g)^-1 over Haar-random elements projects onto the equivariant maps."""
    group = MatrixGroup.parse(name)
    before, after = (Tensors(group, ((rank, 1),)) for rank in ranks)
    total = np.zeros((after.size * before.size,) * 2)
    matrices = drawn(group, 60_000, seed=7)
    left, right = (
        law.moved(
            torch.eye(law.size, dtype=torch.float64).repeat(len(matrices), 1), matrices.repeat_interleave(law.size, 0)
        )
        for law in (after, before)
    )
    a, b = left.view(-1, after.size, after.size).mT, right.view(-1, before.size, before.size).mT
    total = torch.einsum("nij,nkl->ikjl", a, b).reshape(total.shape).numpy() / len(matrices)
    basis = linear_maps(group, *ranks).reshape(-1, after.size * before.size)
    assert np.abs(basis.T @ basis - total).max() < 0.02
    assert np.allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-9)


def _as_matrices(tensors: Tensors, matrices: Tensor) -> Tensor:
    """Return rho(g) (n, size, size) of many elements."""
    units = torch.eye(tensors.size, dtype=torch.float64).repeat(len(matrices), 1)
    return tensors.moved(units, matrices.repeat_interleave(tensors.size, 0)).view(-1, tensors.size, tensors.size).mT


@settings(max_examples=30)
@given(groups, st.integers(0, 2), st.integers(0, 2), st.integers(0, 99))
def test_every_map_commutes_with_the_group(group: MatrixGroup, before: int, after: int, seed: int) -> None:
    (g,) = elements(group, 1, seed)
    rho_before, rho_after = (Tensors(group, ((rank, 1),)).matrix(g.matrix) for rank in (before, after))
    for each in linear_maps(group, before, after):
        assert np.allclose(rho_after @ each, each @ rho_before, atol=1e-5 * math.cosh(group.boost) ** 4)


# layers


@pytest.fixture(params=["O(3)", "SO(3)", "O(5)", "O(1,3)", "SO+(1,3)"])
def group(request: pytest.FixtureRequest) -> MatrixGroup:
    return MatrixGroup.parse(request.param)


def layers(group: MatrixGroup) -> Iterator[tuple[torch.nn.Module, Tensors, Tensors]]:
    before, after = Tensors.parse(group, "2S + 2V + T2"), Tensors.parse(group, "3S + V + 2T2")
    yield EquivariantLinear(before, after), before, after
    yield Bilinear(before), before, before
    yield Gated(after), gated(after), after


def test_every_layer_is_equivariant(group: MatrixGroup) -> None:
    torch.manual_seed(0)
    for layer, before, after in layers(group):
        values = torch.randn(8, before.size, dtype=torch.float64)
        for g in elements(group, 4):
            found = layer.double()(TensorLaw(before).act(values, g))
            assert relative(found, TensorLaw(after).act(layer(values), g)) < 1e-5, type(layer).__name__


def test_a_linear_layer_is_every_map_and_starts_as_a_projected_matrix(group: MatrixGroup) -> None:
    torch.manual_seed(0)
    hidden = Tensors.parse(group, "40S + 20V + 8T2")
    layer = EquivariantLinear(hidden, hidden)
    pairs = dict(hidden.pairs)
    maps = sum(pairs[p] * pairs[q] * len(linear_maps(group, p, q)) for p in pairs for q in pairs)
    constants = sum(pairs[q] * len(linear_maps(group, 0, q)) for q in pairs)
    assert sum(each.numel() for each in layer.parameters()) == maps + constants
    # a normal matrix of variance 1 / size keeps of every block as many dimensions as it has maps
    rows = layer.matrix().detach().split(list(hidden.widths))
    for q, blocks in zip(pairs, rows, strict=True):
        expected = pairs[q] * sum(pairs[p] * len(linear_maps(group, p, q)) for p in pairs) / hidden.size
        assert float(blocks.square().sum()) == pytest.approx(expected, rel=0.25)


def test_a_step_of_adam_moves_entries_as_it_moves_a_plain_layer(group: MatrixGroup) -> None:
    """Every map is as large as a matrix with entries of one where indices are joined."""
    hidden = Tensors.parse(group, "S + V + T2")
    layer = EquivariantLinear(hidden, hidden)
    for (i, p), (j, q) in product(enumerate((0, 1, 2)), enumerate((0, 1, 2))):
        if len(linear_maps(group, p, q)):
            for element in getattr(layer, f"basis_{j}_{i}"):
                assert float(element.norm()) == pytest.approx(group.dimension ** ((p + q) / 4), rel=1e-5)


def test_a_bilinear_layer_is_quadratic_and_not_zero(group: MatrixGroup) -> None:
    torch.manual_seed(0)
    layer = Bilinear(Tensors.parse(group, "2S + 2V + T2"))
    values = torch.randn(4, layer.tensors.size)
    assert relative(layer(3 * values), 9 * layer(values)) < 1e-5
    assert all(float(part.detach().abs().max()) > 0 for _, part in layer.tensors.parts(layer(values)))


@given(groups, st.integers(1, 500), st.integers(1, 2))
def test_numbers_are_spread_over_ranks(group: MatrixGroup, size: int, max_rank: int) -> None:
    tensors = spread(group, size, max_rank)
    assert tensors.size == size
    assert max(rank for rank, _ in tensors.pairs) <= max_rank


# networks


def network(family: str, dataset: str = "o5", width: float = 48.0, seed: int = 0, **options: object) -> Network:
    entry = families[family]
    shape = load_data(dataset, {"pool": 100}).shape
    return build(entry, entry.options.model_validate(options), shape, width, seed).eval()


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


# data


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


# suites and cells

SUITE = {
    "name": "small",
    "data": {"name": "inertia", "pool": 200, "train_sizes": [100]},
    "augmentation": {"strengths": [0, 0.5, 1]},
    "families": [{"family": "mlp", "width": 16}, {"family": "emlp", "width": 24}],
    "budget": {"steps": 20, "batch_size": 20, "evaluations": 2, "precision": "float32"},
    "seeds": 1,
    "measure": {"test_images": 200, "equivariance": {"samples": 16}},
}


def test_cells_run_and_their_targets_move_with_their_inputs() -> None:
    for cell in make(parse(SUITE), set(), "suite").todo:
        run = run_cell(cell, "cpu", "exclusive")
        assert run.run["status"] == "done", run.run["reason"]
        assert (cell.domain, cell.task, cell.score, cell.augmentation_group) == (
            "vectors",
            "regression",
            "rmse",
            "O(3)",
        )
        assert run.run["resampled_score"] == run.run["test_score"]
        assert run.run["test_right"] is None
        assert 0 < run.run["chance_score"] < 10
        assert "ece_upright" not in run.run
        if cell.family == "emlp":
            # an equivariant network is as good on moved inputs, only if targets move as they do
            assert run.run["transformed_score"] == pytest.approx(run.run["test_score"], rel=0.05)
            assert run.run["equivariance_error_max"] < FLOAT32
        assert {row["unit"] for row in run.equivariance} == {"degrees"}


def test_copies_move_their_targets_too() -> None:
    fixed = {**SUITE, "augmentation": {"strengths": [1], "copies": 3}}
    for cell in make(parse(fixed), set(), "suite").todo:
        assert run_cell(cell, "cpu", "exclusive").run["status"] == "done"


def test_cells_that_train_together_are_those_that_train_alone() -> None:
    cells = [cell for cell in make(parse({**SUITE, "seeds": 2}), set(), "s").todo if cell.strength == 0]
    emlp = [cell for cell in cells if cell.family == "emlp"]
    together = run_cells(emlp, "cpu", "shared")
    for record, cell in zip(together, emlp, strict=True):
        alone = run_cell(cell, "cpu", "shared")
        assert record.run["test_score"] == pytest.approx(alone.run["test_score"], rel=1e-3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"augmentation": {"group": "O(5)"}}, r"augmentation.group: O\(5\) does not act on O\(3\): 5S \+ 5V"),
        ({"augmentation": {"group": "SO(2) "}}, "augmentation.group: unknown group"),
        ({"augmentation": {"resampling": "spline"}}, "augmentation.resampling: should be 'none'; found 'spline'"),
        ({"families": [{"family": "cnn"}]}, "cnn takes inputs of the domain plane, not of vectors"),
        ({"measure": {"calibration": True}}, "measure.calibration: it does not measure the task regression"),
        ({"data": {**SUITE["data"], "crop": "disc"}}, "data.crop: should be 'none'"),  # type: ignore[dict-item]
    ],
)
def test_what_does_not_go_together_is_one_sentence(change: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        make(parse({**SUITE, **change}, "s.yaml"), set(), "s.yaml")


def test_a_family_of_vectors_is_refused_for_images() -> None:
    raw = {**SUITE, "data": {"name": "digits", "train_sizes": [100]}}
    with pytest.raises(UserError, match="mlp takes inputs of the domain vectors, not of plane"):
        make(parse(raw), set(), "suite")


def test_the_domain_says_what_moves_it() -> None:
    assert DOMAIN.name == "vectors"
    assert str(DOMAIN.group("SO(3)")) == "SO(3)"
    assert DOMAIN.group(DOMAIN.default_group).keeps_grid


# a person's own


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
