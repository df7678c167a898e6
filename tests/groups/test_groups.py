from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from bench.errors import Impossible, UserError
from bench.groups import (
    Element,
    FieldType,
    Group,
    Resampling,
    act,
    induced,
    irrep,
    irreps,
    quotient,
    regular,
    transform,
)
from bench.groups.representation import direct_sum, trivial
from tests import tolerances
from tests.strategies import elements, finite_groups, groups, quarter_turns, representations


@given(groups)
def test_a_group_prints_as_it_parses(group: Group) -> None:
    assert Group.parse(str(group)) == group


@pytest.mark.parametrize("text", ["", "C0", "c4", "Q8", "SO(3)", "D-1", "C4 "])
def test_an_unknown_group_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(UserError, match=r"known: C1, C2"):
        Group.parse(text)


@given(finite_groups)
def test_a_finite_group_is_closed_and_has_its_order(group: Group) -> None:
    members = set(group.elements)
    assert len(members) == group.order == len(group.elements)
    for g in group.elements:
        assert ~g in members
        assert g @ ~g == Element() == ~g @ g
    a, b = group.elements[-1], group.elements[len(group.elements) // 2]
    assert a @ b in members


@pytest.mark.parametrize(
    ("group", "count", "turns"),
    [("C8", 6, 4), ("C12", 5, 4), ("C5", 4, 1), ("C4", 100, 4), ("SO(2)", 6, 6), ("D8", 3, 2)],
)
def test_an_orbit_is_the_largest_subgroup_that_is_small_enough(group: str, count: int, turns: int) -> None:
    of = Group.parse(group)
    orbit = of.orbit(count)
    assert set(orbit[:turns]) == set(Group(turns).elements)
    assert len(orbit) == turns * (2 if of.mirrors else 1)
    assert len(set(orbit)) == len(orbit)


def test_the_sum_of_an_irrep_and_a_regular_one_is_block_diagonal() -> None:
    parts = [irrep(Group(4), 1), regular(Group(4))]
    for g in Group(4).elements:
        np.testing.assert_allclose(direct_sum(parts)(g), linalg.block_diag(*(rho(g) for rho in parts)))


@given(finite_groups)
def test_generators_generate(group: Group) -> None:
    reached = {Element()}
    while True:
        grown = reached | {g @ h for g in group.generators for h in reached}
        if grown == reached:
            break
        reached = grown
    assert reached == set(group.elements)


@given(st.data())
def test_elements_compose_as_their_matrices(data: st.DataObject) -> None:
    a, b, c = (data.draw(elements(Group(None, True))) for _ in range(3))
    assert (a @ b) @ c == a @ (b @ c)
    np.testing.assert_allclose((a @ b).matrix, a.matrix @ b.matrix, atol=tolerances.REPRESENTATION)


@given(st.data(), groups)
@settings(max_examples=150)
def test_representations_are_orthogonal_homomorphisms(data: st.DataObject, group: Group) -> None:
    rho = data.draw(representations(group))
    a, b = data.draw(elements(group)), data.draw(elements(group))
    np.testing.assert_allclose(rho(a @ b), rho(a) @ rho(b), atol=tolerances.REPRESENTATION)
    np.testing.assert_allclose(rho(a) @ rho(a).T, np.eye(rho.size), atol=tolerances.REPRESENTATION)
    if rho.permutes:
        assert set(np.unique(rho(a).round(12))) <= {0.0, 1.0}


def test_the_irreps_of_a_finite_group_are_complete() -> None:
    # over the reals, sum of (size^2 / dimension of the endomorphisms) is the order; counted by characters
    for group in (Group(5), Group(8), Group(3, True), Group(8, True)):
        dimension = 0.0
        for psi in irreps(group, 99):
            norm = np.mean([np.trace(psi(g)) ** 2 for g in group.elements])
            dimension += psi.size**2 / norm
        assert dimension == pytest.approx(group.order)


def test_frequency_one_is_the_plane_itself() -> None:
    g = Element(True) @ Element.rotation(37.5)
    np.testing.assert_allclose(irrep(Group(None, True), 1)(g), g.matrix)


def test_impossible_representations_say_why() -> None:
    with pytest.raises(Impossible, match="use irreps"):
        regular(Group(None))
    with pytest.raises(Impossible, match="not a subgroup"):
        quotient(Group(8), Group(3))
    with pytest.raises(Impossible, match="infinitely many cosets"):
        induced(Group(None), Group(4), trivial(Group(4)))
    with pytest.raises(Impossible, match="no irrep of frequency 5"):
        irrep(Group(8), 5)


# action on images


def test_a_quarter_turn_is_counterclockwise_and_exact() -> None:
    image = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    assert act(image, Element.rotation(90)).tolist() == [[[[1.0, 3.0], [0.0, 2.0]]]]
    assert act(image, Element(mirror=True)).tolist() == [[[[1.0, 0.0], [3.0, 2.0]]]]


@given(st.sampled_from(quarter_turns()), st.sampled_from(quarter_turns()), st.integers(2, 9))
def test_symmetries_of_the_grid_act_exactly_as_a_group(g: Element, h: Element, size: int) -> None:
    images = torch.arange(2.0 * size * size).view(1, 2, size, size)
    assert torch.equal(act(act(images, h), g), act(images, g @ h))


@given(st.integers(0, 359), st.booleans(), st.integers(5, 12))
def test_a_batch_of_elements_acts_as_each_element_alone(degrees: int, mirror: bool, size: int) -> None:
    images = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(size))
    g = Element(mirror) if degrees == 0 else Element.rotation(degrees) @ Element(mirror)
    moved = transform(images, torch.full((3,), float(g.turn)), torch.full((3,), mirror))
    torch.testing.assert_close(moved, act(images, g), atol=tolerances.RESAMPLED_IN_FLOAT32, rtol=0)


def test_rotation_moves_a_point_where_the_matrix_sends_it() -> None:
    size = 41
    centre = (size - 1) / 2
    image = torch.zeros(1, 1, size, size)
    image[0, 0, int(centre) - 6, int(centre) + 12] = 1  # x = 12, y = 6
    for g in (Element.rotation(30), Element.rotation(-100), Element.rotation(30) @ Element(True)):
        weight = act(image, g)[0, 0]
        rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        x = float((weight * (columns - centre)).sum() / weight.sum())
        y = float((weight * (centre - rows)).sum() / weight.sum())
        # bilinear weights put the centre of mass within a pixel's fraction
        np.testing.assert_allclose([x, y], g.matrix @ [12, 6], atol=0.15)


def test_transform_is_exact_on_quarter_turns() -> None:
    images = torch.rand(8, 3, 11, 11)
    turns = torch.tensor([0, 0.25, 0.5, 0.75, 0, 0.25, 0.5, 0.75])
    mirrors = torch.tensor([False] * 4 + [True] * 4)
    moved = transform(images, turns, mirrors, None)
    for i, g in enumerate(quarter_turns()):
        assert torch.equal(moved[i], act(images[i], g))
    for resampling in get_args(Resampling):
        also = transform(images, turns, mirrors, resampling)
        torch.testing.assert_close(also, moved, atol=tolerances.RESAMPLED_IN_FLOAT32, rtol=0)


@given(groups)
def test_what_of_a_group_permutes_pixels_is_a_subgroup(group: Group) -> None:
    kept = group.on_grid.elements
    assert all(g.keeps_grid and g in group for g in kept)
    assert len(kept) == sum(g in group for g in quarter_turns())


# sampling


@given(groups, st.floats(0, 1), st.integers(0, 99))
def test_samples_stay_in_the_group_and_within_the_strength(group: Group, strength: float, seed: int) -> None:
    turns, mirrors = group.sample(strength, 64, torch.Generator().manual_seed(seed))
    wrapped = (turns + 0.5) % 1 - 0.5
    assert (wrapped.abs() <= strength / 2 + 1e-6).all()
    assert group.mirrors or not mirrors.any()
    if group.rotations is not None:
        steps = turns * group.rotations
        torch.testing.assert_close(steps, steps.round(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["C4", "D8", "SO(2)", "O(2)"])
def test_strength_zero_is_the_identity(name: str) -> None:
    turns, mirrors = Group.parse(name).sample(0.0, 100, torch.Generator().manual_seed(0))
    assert not turns.any()
    assert not mirrors.any()


@pytest.mark.parametrize("name", ["C5", "C8", "D4"])
def test_full_strength_is_uniform_over_a_finite_group(name: str) -> None:
    group = Group.parse(name)
    turns, mirrors = group.sample(1.0, 20_000, torch.Generator().manual_seed(1))
    index = (turns * group.rotations).round().long() % group.rotations + group.rotations * mirrors.long()
    counts = torch.bincount(index, minlength=group.order).numpy()
    assert len(counts) == group.order
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "strength", "reach"),
    [
        ("C8", 0.25, 1),
        ("C8", 0.5, 2),
        ("D8", 0.7, 2),
        ("C5", 0.8, 2),
        # products that floating point puts just below a whole number
        ("C49", 2 / 49, 1),
        ("D20", 1 - 0.9, 1),
    ],
)
def test_partial_strength_is_uniform_over_the_elements_in_its_range(name: str, strength: float, reach: int) -> None:
    group = Group.parse(name)
    turns, mirrors = group.sample(strength, 20_000, torch.Generator().manual_seed(4))
    steps = (turns * group.rotations).round().long() + reach
    counts = torch.bincount(steps, minlength=2 * reach + 1).numpy()
    assert len(counts) == 2 * reach + 1
    assert stats.chisquare(counts).pvalue > 1e-3
    assert not group.mirrors or stats.binomtest(int(mirrors.sum()), 20_000, strength / 2).pvalue > 1e-3


def test_partial_strength_is_uniform_in_the_range_and_mirrors_at_half_the_strength() -> None:
    turns, mirrors = Group.parse("O(2)").sample(0.4, 20_000, torch.Generator().manual_seed(2))
    assert stats.kstest(turns.numpy(), stats.uniform(-0.2, 0.4).cdf).pvalue > 1e-3
    assert stats.binomtest(int(mirrors.sum()), 20_000, 0.2).pvalue > 1e-3


# fields


@given(st.data(), finite_groups)
@settings(max_examples=50)
def test_fields_transform_as_a_group_action(data: st.DataObject, group: Group) -> None:
    pairs = tuple((data.draw(representations(group)), data.draw(st.integers(1, 2))) for _ in range(2))
    fields = FieldType(pairs)
    g, h = data.draw(elements(group)), data.draw(elements(group))
    vectors = torch.rand(3, fields.channels, dtype=torch.float64)
    torch.testing.assert_close(
        fields.mix(fields.mix(vectors, h), g), fields.mix(vectors, g @ h), atol=tolerances.REPRESENTATION, rtol=0
    )


def test_only_scalars_move_with_elements_outside_their_group() -> None:
    maps = torch.rand(1, 4, 5, 5)
    turned = Element.rotation(90)
    assert torch.equal(FieldType.scalars(Group(1), 4).act(maps, turned), act(maps, turned))
    with pytest.raises(ValueError, match="not an element of C2"):
        FieldType(((regular(Group(2)), 2),)).act(maps, turned)
