"""Opponents of equal size: a network's twin by parameters and its twin by FLOPs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from bench.canonical import plain
from bench.cell import Match
from bench.domains.plane import image_shape
from bench.errors import UserError
from bench.networks.counts import counts
from bench.networks.lanes import preferred
from bench.networks.matching import resolve
from bench.networks.size import count_flops
from bench.plan.matrix import Plan, make
from bench.registry import families
from bench.suite import parse

RIVAL = {"family": "steerable", "group": "C8", "width": 1.72, "label": "C8"}
TWINS = [{"by": "parameters", "like": "C8"}, {"by": "flops", "like": "C8"}]


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "name": "twins",
        "data": {"name": "digits", "train_sizes": [100]},
        "augmentation": {"strengths": [1]},
        "families": [{"family": "cnn"}, RIVAL],
        "match": TWINS,
        "budget": {"steps": 2},
        "seeds": 1,
        "measure": {"equivariance": None},
    } | changes


def planned(**changes: Any) -> Plan:
    return make(parse(raw(**changes)), set(), "suite")


def test_a_plain_network_exists_as_either_twin_of_its_rival() -> None:
    plan = planned()
    cells = {cell.label: cell for cell in plan.todo}
    assert set(cells) == {"C8", "cnn, same parameters", "cnn, same FLOPs"}
    rival = cells["C8"].architecture
    by_parameters, by_flops = (cells[f"cnn, same {size}"] for size in ("parameters", "FLOPs"))
    assert by_parameters.architecture.parameters == pytest.approx(rival.parameters, rel=0.03)
    assert by_flops.architecture.flops == pytest.approx(rival.flops, rel=0.03)
    assert by_flops.architecture.parameters > 2 * rival.parameters  # an equivariant network reuses its weights
    assert {cell.rival for cell in (by_parameters, by_flops)} == {"C8"}
    assert cells["C8"].match is None


def test_a_twin_is_the_network_of_that_size_whatever_it_is_called() -> None:
    """What a size is like is no part of a cell's identity; the number is."""
    twin = next(cell for cell in planned().todo if cell.label == "cnn, same FLOPs")
    number = twin.match.target
    written = planned(match={"by": "flops", "target": number}).cells
    assert twin.cell_id in {cell.cell_id for cell in written if cell.family == "cnn"}
    assert replace(twin, rival="", label="other").cell_id == twin.cell_id
    assert replace(twin, match=Match(by="flops", target=number + 1)).cell_id != twin.cell_id


def test_a_family_may_be_matched_to_a_rival_of_its_own() -> None:
    families = [
        {"family": "cnn", "match": [{"by": "flops", "like": "C8"}, {"by": "flops", "like": "gcnn"}]},
        {"family": "gcnn", "label": "gcnn", "match": {"by": "parameters", "target": 3000}},
        RIVAL,
    ]
    cells = {cell.label: cell for cell in planned(families=families, match=None).todo}
    assert set(cells) == {"cnn, FLOPs of C8", "cnn, FLOPs of gcnn", "gcnn", "C8"}
    for rival in ("C8", "gcnn"):
        found, wanted = cells[f"cnn, FLOPs of {rival}"].architecture.flops, cells[rival].architecture.flops
        assert found == pytest.approx(wanted, rel=0.03)


UNSIZED = {key: value for key, value in RIVAL.items() if key != "width"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"match": {"by": "flops", "like": "C9"}}, "suite: match.like: no network has the label 'C9'; known: C8"),
        (
            {"families": [{"family": "cnn"}, UNSIZED]},
            "suite: families[1]: others are matched to 'C8'; give it a 'width', or a 'match' with a 'target'",
        ),
        (
            {"match": {"by": "flops", "like": "C8", "target": 5}},
            "suite: match: give one of 'target', a number, and 'like', the label of a network",
        ),
        (
            {"families": [{"family": "cnn", "match": {"bye": "flops"}}, RIVAL]},
            "suite: families[0].match.bye: unknown key; did you mean 'by'?",
        ),
        (
            {"families": [{"family": "cnn", "match": {"like": "cnn 2"}}, RIVAL]},
            "suite: match.like: no network has the label 'cnn 2'",
        ),
    ],
)
def test_a_rival_that_there_is_not_is_one_sentence(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        planned(**changes)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rival_that_cannot_be_built_is_one_sentence() -> None:
    families = [{"family": "cnn"}, {"family": "p4cnn", "width": 10, "label": "C8"}]
    with pytest.raises(UserError, match=r"suite: match.like: 'C8' cannot be built: .* sizes from 22"):
        planned(families=families, data={"name": "digits", "size": 17, "train_sizes": [100]})


@pytest.mark.parametrize(("family", "group", "each"), [("cnn", None, 1), ("gcnn", "C4", 4), ("steerable", "C8", 8)])
def test_lanes_prefer_channels_in_multiples_and_keep_the_size(family: str, group: str | None, each: int) -> None:
    entry = families[family]
    options = entry.options(**({"group": group} if group else {}))
    free, held = (
        resolve(entry, options, image_shape(1, 16, 10), None, Match(by="parameters", target=25_000, lanes=lanes))
        for lanes in (1, 16)
    )
    whole = [
        sum(count * each % 16 == 0 for count in counts(found.options.channels, found.width)) for found in (free, held)
    ]
    assert whole[1] > whole[0]
    assert held.parameters == pytest.approx(25_000, rel=0.03)


def test_a_size_that_is_bilinear_is_predicted_and_searched() -> None:
    """A made-up chain; of all counts of its size the ones with the most blocks in lanes, most like the given ones."""
    size = lambda fields: 7 + 3 * fields[0] + 5 * fields[0] * fields[1] + 2 * fields[1]  # noqa: E731
    found = preferred((10, 13), [1, 1], 8, size((10, 13)), 0.1, size)
    assert found == (8, 16)
    assert preferred((10, 13), [1, 1], 8, size((10, 13)), 0.0001, size) == (10, 13)


def test_a_family_without_blocks_takes_lanes_as_they_come() -> None:
    entry = families["p4cnn"]
    match = Match(by="parameters", target=25_000)
    with_lanes = match.model_copy(update={"lanes": 16})
    shape = image_shape(1, 28, 10)
    assert resolve(entry, entry.options(), shape, None, with_lanes) == resolve(
        entry, entry.options(), shape, None, match
    )


def test_lanes_are_no_part_of_a_cell_without_them() -> None:
    assert plain(Match(target=10)) == {"by": "parameters", "target": 10}
    assert plain(Match(target=10, lanes=16))["lanes"] == 16


@pytest.mark.parametrize("kind", [torch.float32, torch.complex64])
def test_a_product_of_complex_numbers_is_four_of_real_ones(kind: torch.dtype) -> None:
    class Product(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3, 4, 5, dtype=kind))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return (inputs.flatten(1).to(kind)[:, None, :4].expand(-1, 3, -1).movedim(1, 0) @ self.weight).abs()

    expected = 3 * 2 * 4 * 5 * (4 if kind.is_complex else 1)
    assert count_flops(Product(), image_shape(1, 4, 2)) == expected
