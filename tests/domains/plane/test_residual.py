"""Residual networks: exact at what their groups permit, at every size, and as large as their plain twins."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.cell import Match
from bench.domains.plane import image_shape
from bench.domains.plane.layers import Restriction, SteerableConv, delta_orthogonal_
from bench.domains.plane.models.e2wrn import E2wrnOptions
from bench.errors import Impossible
from bench.groups import Element, FieldType, Group, irrep, regular
from bench.measure import equivariance_error
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.networks.size import count_parameters
from bench.registry import families
from tests.tolerances import EXACT_IN_FLOAT32 as EXACT
from tests.training import train

WRN_28_10 = {"channels": [1] * 4 + [2] * 4 + [4] * 4, "halve_before": [5, 9], "stem": 0.1}


def network(name: str, size: int = 16, width: float = 8, colours: int = 1, **options: object) -> Network:
    entry = families[name]
    return build(entry, entry.options.model_validate(options), image_shape(colours, size, 10), width, seed=0)


def errors(net: Network, size: int, *elements: Element) -> dict[str, float]:
    images = torch.rand(6, 1, size, size, generator=torch.Generator().manual_seed(1))
    rows = equivariance_error(net, images, elements)
    return {row["layer"]: max(r["error"] for r in rows if r["layer"] == row["layer"]) for row in rows}


@pytest.mark.parametrize(("larger", "smaller"), [("D8", "D4"), ("D4", "D1"), ("C8", "C4"), ("C6", "C2"), ("D4", "C4")])
def test_restriction_is_a_law_of_its_own(larger: str, smaller: str) -> None:
    """What an element of the subgroup does before it, as a field of the larger group, it does after it as its own."""
    group, subgroup = Group.parse(larger), Group.parse(smaller)
    before = FieldType(((regular(group), 3),))
    restriction = Restriction(before, subgroup)
    assert restriction.after.channels == before.channels
    features = torch.randn(2, before.channels, 5, 5)
    for g in subgroup.elements:
        moved = restriction(before.mix(features, g))
        torch.testing.assert_close(moved, restriction.after.mix(restriction(features), g), rtol=0, atol=1e-6)
    assert sorted(restriction.places.tolist()) == list(range(before.channels))


def test_what_is_no_restriction_is_refused() -> None:
    c4 = Group(4)
    for fields, subgroup in ((FieldType(((irrep(c4, 1), 2),)), "C2"), (FieldType(((regular(c4), 1),)), "D4")):
        with pytest.raises(ValueError, match="no type of regular fields of a group that holds"):
            Restriction(fields, Group.parse(subgroup))


@settings(max_examples=12)
@given(st.integers(16, 40), st.sampled_from(["C4", "D4"]))
def test_quarter_turns_are_exact_at_every_size(size: int, group: str) -> None:
    net = network("e2wrn", size, groups=[group] * 3)
    elements = [Element.rotation(90), Element.rotation(180), *([Element(mirror=True)] if group == "D4" else [])]
    assert max(errors(net, size, *elements).values()) < EXACT


def test_they_are_exact_after_training() -> None:
    net = network("e2wrn", groups=["D4", "D4", "D4"], dropout=0.1)
    images = torch.rand(64, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    train(net, images, torch.arange(64) % 10, steps=6, batch_size=16)
    assert max(errors(net, 16, Element.rotation(90), Element(mirror=True)).values()) < 1e-5


def test_a_falling_group_holds_where_it_lies_and_the_last_one_at_the_end() -> None:
    net = network("e2wrn", groups=["D8", "D4", "D1"])
    assert str(net.group) == "D1"
    turned, mirrored = errors(net, 16, Element.rotation(90)), errors(net, 16, Element(mirror=True))
    exact = ("stem", "block1", "block2", "restriction3", "block3", "block4")
    assert max(turned[layer] for layer in exact) < EXACT < 1e-3 < turned["output"]
    assert max(mirrored.values()) < EXACT


@pytest.mark.parametrize("name", ["wrn", "resnet18"])
def test_the_plain_ones_promise_nothing_and_keep_no_turn(name: str) -> None:
    net = network(name)
    assert str(net.group) == "C1"
    assert errors(net, 16, Element.rotation(90))["output"] > 1e-3


def test_the_published_size() -> None:
    """WRN-28-10 has 36.5 million parameters (Zagoruyko & Komodakis 2016, table 4), its twins within 5 %."""
    plain = count_parameters(network("wrn", 32, 160, 3, **WRN_28_10))
    assert plain == pytest.approx(36.5e6, rel=0.002)
    for groups in (["D8", "D4", "D1"], ["C8", "C4", "C1"]):
        assert count_parameters(network("e2wrn", 32, 160, 3, groups=groups, **WRN_28_10)) == pytest.approx(
            plain, rel=0.05
        )


def test_resnet18_has_its_published_size() -> None:
    """11.17 million parameters with ten classes, as of the usual adaptation to images of 32 pixels."""
    assert count_parameters(network("resnet18", 32, 64, 3)) == pytest.approx(11.17e6, rel=0.002)


@pytest.mark.parametrize("name", ["wrn", "e2wrn", "resnet18"])
def test_they_meet_a_budget_of_a_small_network(name: str) -> None:
    entry = families[name]
    match = Match(by="parameters", target=10_000)
    found = resolve(entry, entry.options(), image_shape(1, 28, 10), None, match)
    assert found.parameters == pytest.approx(10_000, rel=0.03)


def test_as_many_channels() -> None:
    for groups in (["D4", "D4", "D1"], ["C8", "C4", "C1"]):
        net = network("e2wrn", width=32, groups=groups, equal="channels")
        assert net.stages["block1"](net.stages["stem"](torch.rand(2, 1, 16, 16))).shape[1] == 32


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"groups": ["C4", "C8", "C1"]}, "C8 is no subgroup of C4"),
        ({"groups": ["SO(2)", "C4", "C1"]}, "C4 is no subgroup of SO"),
        ({"halve_before": [9]}, "halve_before names a block outside 1 to 6"),
    ],
)
def test_what_cannot_be_is_told(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        E2wrnOptions.model_validate(options)
    with pytest.raises(Impossible, match="too small"):
        network("wrn", size=15)


@pytest.mark.parametrize("group", ["C1", "C4", "D4", "C8", "SO(2)"])
@pytest.mark.parametrize(("fewer", "more"), [(2, 3), (3, 3), (1, 4)])
def test_a_delta_orthogonal_convolution_keeps_norms_and_angles_of_every_pixel(
    group: str, fewer: int, more: int
) -> None:
    """Of as many channels or more after it, whose kernel it is to the last digit; the other way round its transpose."""
    of = Group.parse(group)
    kinds = [regular(of)] if of.is_finite else [irrep(of, 0), irrep(of, 1)]
    small, large = (FieldType(tuple((rho, count) for rho in kinds)) for count in (fewer, more))
    for before, after in ((small, large), (large, small)):
        for size in (1, 3, 5):
            convolution = SteerableConv(before, after, size)
            delta_orthogonal_(convolution)
            kernel = convolution.kernel().detach()
            matrix = kernel[:, :, size // 2, size // 2].clone()
            kernel[:, :, size // 2, size // 2] = 0
            assert float(kernel.abs().max()) < 1e-6
            product = matrix.mT @ matrix if before is small else matrix @ matrix.mT
            torch.testing.assert_close(product, torch.eye(small.channels), rtol=0, atol=1e-5)


def test_a_delta_orthogonal_start_is_random_and_learns() -> None:
    nets = [network("wrn", initialisation="delta-orthogonal"), network("wrn")]
    weights = [next(module.weight for module in net.modules() if isinstance(module, torch.nn.Conv2d)) for net in nets]
    assert float(weights[0].detach()[:, :, 0].abs().max()) == 0 < float(weights[1].detach()[:, :, 0].abs().min())
    images = torch.rand(64, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    before = weights[0].detach().clone()
    train(nets[0], images, torch.arange(64) % 10, steps=4, batch_size=16)
    assert float((weights[0] - before)[:, :, 0].detach().abs().max()) > 0
