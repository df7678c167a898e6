"""Widths meet a budget, and what cannot be is refused with its reason."""

from __future__ import annotations

import pytest

from bench.cell import Match
from bench.domains.plane import image_shape
from bench.errors import Impossible, UserError
from bench.networks.matching import build, resolve
from bench.networks.size import count_flops, count_parameters
from bench.registry import families
from tests.networks.planar import NAMES, PAPERS, network_of


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*PAPERS, "e2cnn")])
@pytest.mark.parametrize("by", ["parameters", "flops"])
def test_a_budget_is_met_within_three_percent(name: str, by: str) -> None:
    entry, shape = families[name], image_shape(1, 28, 10)
    # of e2wrn, one field of D8 in each block of the first third makes 40 million already
    target = {"parameters": 25_000, "flops": 200_000_000 if name == "e2wrn" else 40_000_000}[by]
    found = resolve(entry, entry.options(), shape, None, Match(by=by, target=target))
    network = build(entry, found.options, shape, found.width, seed=0)
    size = count_parameters(network) if by == "parameters" else count_flops(network, shape)
    assert abs(size - target) <= 0.03 * target
    assert (found.parameters, found.flops) == (count_parameters(network), count_flops(network, shape))


def test_a_budget_that_no_width_reaches_is_refused_with_the_nearest() -> None:
    entry = families["steerable"]
    with pytest.raises(Impossible, match=r"no width of steerable comes within 3% of 50 parameters; the nearest has"):
        resolve(entry, entry.options(), image_shape(1, 28, 10), None, Match(by="parameters", target=50))


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        *(
            ("gcnn", {"group": group}, "the family steerable has the other groups")
            for group in ("SO(2)", "C8", "D3", "C3")
        ),
        (
            "steerable",
            {"group": "C4", "subgroup": "D1"},
            "regular fields have no subgroup; it goes with quotient fields",
        ),
        ("steerable", {"group": "C4", "max_frequency": 1}, "regular fields have no max_frequency; it goes with irreps"),
        ("steerable", {"group": "SO(2)", "fields": "irreps", "nonlinearity": "elu"}, "accepted: auto, norm, gated"),
        ("hnet", {"max_order": 3}, "less than or equal to 2"),
        ("hnet", {"outer_radius": 5.5}, "at most kernel_size, 5"),
        ("steerable", {"group": "SO(2)"}, "use irreps"),
        ("steerable", {"group": "C8", "fields": "induced"}, "mirrors"),
        ("steerable", {"group": "C8", "fields": "quotient", "subgroup": "C3"}, "not a subgroup"),
        (
            "steerable",
            {"group": "SO(2)", "fields": "irreps", "nonlinearity": "pointwise"},
            "accepted: auto, norm, gated",
        ),
        ("e2cnn", {"group": "O(2)"}, "use irreps"),
        ("cnn", {"kernel_sizes": [4]}, "odd"),
        ("cnn", {"kernel_sizes": [3, 3]}, "one per block"),
        ("cnn", {"pool_after": [9]}, "outside 1 to 6"),
    ],
)
def test_impossible_combinations_say_why(name: str, options: dict, reason: str) -> None:
    with pytest.raises((UserError, ValueError), match=reason):
        network_of(name, options, image_shape(1, 28, 10))


@pytest.mark.parametrize("family", ["cnn", "gcnn", "steerable", "hnet", "et"])
@pytest.mark.parametrize(("width", "match"), [(512.0, None), (None, Match(target=10**12))])
def test_a_network_that_would_use_up_the_memory_is_refused(
    family: str, width: float | None, match: Match | None
) -> None:
    entry = families[family]
    with pytest.raises(Impossible, match=f"{family} of width .* has a tensor of more than 33,554,432 numbers"):
        resolve(entry, entry.options(), image_shape(1, 16, 10), width, match)
