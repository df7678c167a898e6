"""Hypothesis strategies for groups, elements and representations."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from bench.groups import Element, Group, Representation, induced, irreps, quotient, regular

finite_groups = st.builds(Group, st.integers(1, 12), st.booleans())
groups = st.one_of(finite_groups, st.sampled_from([Group(None), Group(None, True)]))


def elements(group: Group) -> st.SearchStrategy[Element]:
    if group.is_finite:
        return st.sampled_from(group.elements)
    turns = st.fractions(0, 1, max_denominator=97)
    return st.builds(Element, st.booleans() if group.mirrors else st.just(False), turns)


@st.composite
def representations(draw: st.DrawFn, group: Group) -> Representation:
    """Any representation that the project builds: irreps, and induced ones from any subgroup of finite index."""
    kinds = ["irrep", "induced"] if not group.is_finite else ["irrep", "regular", "quotient", "induced"]
    kind = draw(st.sampled_from(kinds))
    if kind == "irrep":
        return draw(st.sampled_from(irreps(group, 4)))
    if kind == "regular":
        return regular(group)
    subgroup = draw(st.sampled_from(subgroups(group)))
    if kind == "quotient":
        return quotient(group, subgroup)
    return induced(group, subgroup, draw(st.sampled_from(irreps(subgroup, 3))))


def subgroups(group: Group) -> list[Group]:
    """The subgroups of finite index about the same mirror axis."""
    flips = [False, True] if group.mirrors else [False]
    if group.rotations is None:
        return [Group(None, mirrors) for mirrors in flips]
    divisors = [n for n in range(1, group.rotations + 1) if group.rotations % n == 0]
    return [Group(n, mirrors) for n in divisors for mirrors in flips]


def quarter_turns() -> list[Element]:
    return [Element(mirror, Fraction(k, 4)) for mirror in (False, True) for k in range(4)]
