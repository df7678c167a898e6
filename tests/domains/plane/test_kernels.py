"""The solved kernel spaces: the constraint itself, a slow oracle, and e2cnn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.domains.plane.kernels import decompose, group_basis, kernel_basis
from bench.domains.plane.kernels.angular import harmonics, solutions
from bench.domains.plane.layers import SteerableConv
from bench.domains.plane.models.e2cnn import e2cnn_element, gspace
from bench.domains.plane.models.e2cnn_compat import load_e2cnn
from bench.groups import (
    Element,
    FieldType,
    Group,
    Representation,
    act,
    direct_sum,
    irrep,
    irreps,
    quotient,
    regular,
    trivial,
)
from tests import tolerances
from tests.strategies import elements, finite_groups, groups, representations

GROUPS = ["C4", "C8", "D4", "D8", "SO(2)", "O(2)"]


@given(st.data(), groups)
@settings(max_examples=60)
def test_a_representation_is_the_sum_of_its_irreps(data: st.DataObject, group: Group) -> None:
    rho = data.draw(representations(group))
    Q, summands = decompose(rho)
    g = data.draw(elements(group))
    np.testing.assert_allclose(Q @ Q.T, np.eye(rho.size), atol=tolerances.REPRESENTATION)
    np.testing.assert_allclose(Q @ direct_sum(summands)(g) @ Q.T, rho(g), atol=tolerances.REPRESENTATION)


@given(st.data(), groups, st.integers(0, 3))
@settings(max_examples=60)
def test_angular_kernels_obey_the_constraint_at_any_angle(data: st.DataObject, group: Group, frequency: int) -> None:
    out, into = data.draw(representations(group)), data.draw(representations(group))
    g = data.draw(elements(group))
    angles = np.linspace(-3, 3, 7)
    points = np.stack([np.cos(angles), np.sin(angles)])
    moved = np.arctan2(*reversed(g.matrix @ points))
    coefficients = solutions(out, into, frequency)
    here = np.einsum("nhoi,hp->noip", coefficients, harmonics(angles, frequency))
    there = np.einsum("nhoi,hp->noip", coefficients, harmonics(moved, frequency))
    expected = np.einsum("ab,nbcp,dc->nadp", out(g), here, into(g))
    np.testing.assert_allclose(there, expected, atol=tolerances.REPRESENTATION)


@given(st.data(), finite_groups, st.integers(0, 3))
@settings(max_examples=25)
def test_the_solutions_are_all_that_group_averaging_leaves(data: st.DataObject, group: Group, frequency: int) -> None:
    """The slow, obvious oracle: the rank of the average of the action over the whole group."""
    from bench.domains.plane.kernels.angular import harmonics_action

    out, into = data.draw(representations(group)), data.draw(representations(group))
    if out.size * into.size > 64:
        return
    average = np.mean(
        [np.kron(harmonics_action(~g, frequency).T, np.kron(out(g), into(g))) for g in group.elements], axis=0
    )
    assert len(solutions(out, into, frequency)) == np.linalg.matrix_rank(average, tol=1e-6)


@pytest.mark.parametrize("name", ["C4", "D4"])
@pytest.mark.parametrize("basis", [kernel_basis, group_basis])
def test_sampled_kernels_obey_the_constraint_on_the_grid(name: str, basis) -> None:
    rho = regular(Group.parse(name))
    kernels = torch.tensor(basis(rho, rho, 5))
    for g in rho.group.elements:
        moved = act(kernels.flatten(0, 1), ~g).view(kernels.shape).numpy()
        expected = np.einsum("ab,nbcxy,dc->nadxy", rho(g), kernels.numpy(), rho(g))
        np.testing.assert_allclose(moved, expected, atol=tolerances.EXACT_IN_FLOAT32)


@pytest.mark.parametrize("name", ["C4", "D4"])
def test_filters_transformed_by_index_are_all_equivariant_kernels_of_their_support(name: str) -> None:
    """The slow oracle: random kernels, averaged over the group; 3 x 3 filters leave |G| 9 of them independent."""
    rho = regular(Group.parse(name))
    basis = group_basis(rho, rho, 3)
    assert len(basis) == rho.size * 9
    noise = torch.randn(len(basis), rho.size, rho.size, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    average = np.mean(
        [
            np.einsum("ba,nbcxy,cd->nadxy", rho(g), act(noise.flatten(0, 1), ~g).view(noise.shape).numpy(), rho(g))
            for g in rho.group.elements
        ],
        axis=0,
    )
    for a, b in ((average, basis), (basis, average)):
        assert distance_to_span(a.astype(float), b.astype(float)) < tolerances.KERNEL_SPAN


@pytest.mark.parametrize("name", ["C4", "D4", "D2", "C2"])
@pytest.mark.parametrize("lifts", [True, False])
def test_every_component_of_a_group_convolution_sees_the_filter_turned_by_its_element(name: str, lifts: bool) -> None:
    """Equations 10 and 11 of Cohen & Welling 2016 pixel by pixel: (T_h psi)(x, h^-1 h') where psi is component 0."""
    rho = regular(Group.parse(name))
    elements = rho.group.elements
    into = trivial(rho.group) if lifts else rho
    kernels = group_basis(rho, into, 3)
    for o, h in enumerate(elements):
        for i in range(into.size):
            source = 0 if lifts else elements.index(~h @ elements[i])
            expected = interpolated(kernels[:, 0, source].astype(float), ~h)
            np.testing.assert_allclose(kernels[:, o, i], expected, atol=tolerances.RESAMPLED_IN_FLOAT32)


@pytest.mark.parametrize("name", ["C8", "D8", "C3"])
def test_no_group_convolution_interpolates_its_filter(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has elements that do not permute pixels"):
        group_basis(regular(Group.parse(name)), trivial(Group.parse(name)), 3)


def interpolated(filters: np.ndarray, g: Element) -> np.ndarray:
    """Return filters (n, k, k) read at g x for every pixel x, bilinear between the four pixels around, zero outside."""
    size = filters.shape[-1]
    half = size // 2
    found = np.zeros_like(filters)
    for row, column in np.ndindex(size, size):
        x, y = g.matrix @ [column - half, half - row]
        for r, c in np.ndindex(size, size):
            weight = max(0.0, 1 - abs(c - half - x)) * max(0.0, 1 - abs(half - r - y))
            found[:, row, column] += weight * filters[:, r, c]
    return found


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
@pytest.mark.parametrize("name", GROUPS)
def test_the_kernel_spaces_of_e2cnn_and_ours_are_the_same(name: str, kernel_size: int) -> None:
    group = Group.parse(name)
    space = gspace(group, 3)
    kinds = [(direct_sum(irreps(group, 3)), None)]
    if group.is_finite:
        kinds.append((regular(group), space.regular_repr))
    for ours, theirs in kinds:
        theirs = [theirs] if theirs else [matching_irrep(group, space, psi) for psi in irreps(group, 3)]
        Q = change_of_basis(group, ours, theirs)
        e2cnn_type = load_e2cnn().nn.FieldType(space, theirs)
        convolution = load_e2cnn().nn.R2Conv(e2cnn_type, e2cnn_type, kernel_size, bias=False, initialize=False)
        found = []
        for i in range(len(convolution.weights)):
            convolution.weights.data.zero_()[i] = 1
            kernel, _ = convolution.expand_parameters()
            found.append(np.einsum("ab,bcxy,dc->adxy", Q, kernel.detach().double().numpy(), Q))
        mine = kernel_basis(ours, ours, kernel_size).astype(float)
        assert len(found) == len(mine)
        for a, b in ((np.stack(found), mine), (mine, np.stack(found))):
            assert distance_to_span(a, b) < tolerances.KERNEL_SPAN


@pytest.mark.parametrize("name", GROUPS)
def test_layers_with_the_same_kernels_give_the_same_outputs(name: str) -> None:
    """e2cnn's layer, its coefficients solved so that its kernel is ours, sees the same features."""
    group = Group.parse(name)
    space = gspace(group, 3)
    ours = regular(group) if group.is_finite else direct_sum(irreps(group, 3))
    theirs = [space.regular_repr] if group.is_finite else [matching_irrep(group, space, p) for p in irreps(group, 3)]
    Q = torch.tensor(change_of_basis(group, ours, theirs), dtype=torch.float32)
    e2cnn_type = load_e2cnn().nn.FieldType(space, 2 * theirs)
    convolution = load_e2cnn().nn.R2Conv(e2cnn_type, e2cnn_type, 5, padding=2, bias=False, initialize=False)
    torch.manual_seed(0)
    layer = SteerableConv(FieldType(((ours, 2),)), FieldType(((ours, 2),)), 5)
    double = torch.block_diag(Q, Q)
    wanted = torch.einsum("ba,bcxy,cd->adxy", double, layer.kernel(), double).detach()
    columns = []
    for i in range(len(convolution.weights)):
        convolution.weights.data.zero_()[i] = 1
        columns.append(convolution.expand_parameters()[0].detach().flatten())
    solved = torch.linalg.lstsq(torch.stack(columns, 1).double(), wanted.flatten().double()[:, None]).solution[:, 0]
    convolution.weights.data.copy_(solved)
    features = torch.randn(3, ours.size * 2, 11, 11)
    expected = layer(features)
    in_theirs = torch.einsum("ba,nbxy->naxy", double, features)
    given = convolution(load_e2cnn().nn.GeometricTensor(in_theirs, e2cnn_type)).tensor
    found = torch.einsum("ab,nbxy->naxy", double, given)
    relative = (found - expected).norm() / expected.norm()
    assert relative < tolerances.SAME_KERNELS


def test_there_are_as_many_kernels_as_the_characters_say() -> None:
    """By hand, for 5 x 5 kernels: 3 rings carry frequency 0, 2 rings carry 1 and 2, of one and two harmonics.

    A product of characters is 64 for the identity of C8 on regular fields; on the four components of fields that C2
    leaves as they are it is 16 for the identity and half a turn, which changes the sign of frequency 1.
    """
    group = Group.parse("C8")
    halved = quotient(group, Group(2))
    assert len(kernel_basis(regular(group), regular(group), 5)) == (64 * 3 * 1 + 64 * 2 * 2 + 64 * 2 * 2) / 8
    assert len(kernel_basis(halved, halved, 5)) == (16 * 3 * 2 + 16 * 2 * 0 + 16 * 2 * 4) / 8


def matching_irrep(group: Group, space, psi: Representation):
    """Return e2cnn's irrep with the character of ours."""
    for rho in space.irreps.values():
        sample = [Element(mirror, turn) for mirror in {False, group.mirrors} for turn in _turns(group)]
        if rho.size == psi.size and all(
            abs(np.trace(rho(e2cnn_element(group, g))) - np.trace(psi(g))) < 1e-9 for g in sample
        ):
            return rho
    raise AssertionError(f"e2cnn has no {psi}")


def change_of_basis(group: Group, ours: Representation, theirs: list) -> np.ndarray:
    """Return an orthogonal Q with ours(g) = Q theirs(g) Q^T; the libraries' mirrors differ by a quarter turn."""
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    blocks = [
        quarter if rho.size == 2 and group.mirrors and rho.name != "regular" else np.eye(rho.size) for rho in theirs
    ]
    Q = np.asarray(torch.block_diag(*(torch.tensor(block) for block in blocks)))
    for g in [Element(mirror, turn) for mirror in {False, group.mirrors} for turn in _turns(group)]:
        e2 = torch.block_diag(*(torch.tensor(np.asarray(rho(e2cnn_element(group, g)))) for rho in theirs)).numpy()
        np.testing.assert_allclose(ours(g), Q @ e2 @ Q.T, atol=tolerances.REPRESENTATION)
    return Q


def _turns(group: Group):
    return [g.turn for g in group.elements] if group.is_finite else [Element.rotation(a).turn for a in (0, 13, 70, 222)]


def distance_to_span(vectors: np.ndarray, basis: np.ndarray) -> float:
    """Return the largest relative distance of the vectors from the span of the basis."""
    v, b = vectors.reshape(len(vectors), -1), basis.reshape(len(basis), -1)
    q, r = np.linalg.qr(b.T)
    assert np.abs(np.diag(r)).min() > 1e-6, "the basis is not independent"
    rest = v - (v @ q) @ q.T
    return float((np.linalg.norm(rest, axis=1) / np.linalg.norm(v, axis=1)).max())


@pytest.mark.parametrize(("name", "size"), [("C4", 3), ("C8", 5), ("D4", 5), ("SO(2)", 7)])
def test_every_kernel_of_a_basis_has_the_norm_that_initialisation_counts_on(name: str, size: int) -> None:
    """Another scale (times root 2, say) would train, a little worse, and nothing else would tell."""
    group = Group.parse(name)
    rho = regular(group) if group.is_finite else irrep(group, 1)
    for into, out in ((trivial(group), rho), (rho, rho)):
        norms = np.square(kernel_basis(out, into, size)).sum((1, 2, 3, 4))
        assert norms == pytest.approx(np.full(len(norms), float(out.size)), rel=1e-5)
