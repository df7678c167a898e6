"""Orbit measures, calibration, and what training costs, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.domains.plane import image_network
from bench.geometry import INVARIANT
from bench.groups import Group
from bench.measure.calibration import expected_calibration_error
from bench.measure.orbit import orbit
from bench.networks.network import Network


class Corner(nn.Module):
    """Says which corner of the image is brightest: the upright one is class 0."""

    def forward(self, images: Tensor) -> Tensor:
        at = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
        return torch.stack([images[:, 0, i, j] for i, j in at], 1)


def network(module: nn.Module) -> Network:
    return image_network(Group(1), {"output": (module, INVARIANT)})


def bright_corner(count: int = 5) -> Tensor:
    images = torch.zeros(count, 1, 16, 16)
    images[:, :, 0, 0] = 1
    return images


def test_a_network_that_reads_a_corner_is_right_at_one_quarter_of_the_orbit() -> None:
    found = orbit(network(Corner()), bright_corner(), torch.zeros(5, dtype=torch.int64), Group(4).orbit(16))
    assert found == {
        "orbit_invariance_rate": pytest.approx(0.25),
        "worst_case_accuracy": 0,
        "orbit_entropy": pytest.approx(math.log(4)),
    }


def test_an_invariant_network_has_no_entropy_and_its_worst_case_is_its_accuracy() -> None:
    class Sum(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            total = images.sum((1, 2, 3))
            return torch.stack([total, 10 - total], 1)

    images = torch.cat([bright_corner(3), 20 * bright_corner(2)])
    labels = torch.tensor([1, 1, 0, 0, 1])  # predicted 1, 1, 1, 0, 0
    found = orbit(network(Sum()), images, labels, Group.parse("D4").orbit(16))
    assert found == {"orbit_invariance_rate": 1, "worst_case_accuracy": pytest.approx(0.6), "orbit_entropy": 0}


@given(st.sampled_from(["C1", "C4", "C7", "C8", "C24", "D1", "D4", "D24", "SO(2)", "O(2)"]), st.integers(1, 20))
def test_the_elements_are_distinct_members_and_evenly_spaced(name: str, rotations: int) -> None:
    group = Group.parse(name)
    elements = group.orbit(rotations)
    assert len(set(elements)) == len(elements)
    assert all(g in group for g in elements)
    assert sum(g.mirror for g in elements) * 2 == (len(elements) if group.mirrors else 0)
    turns = sorted(g.turn for g in elements if not g.mirror)
    assert len(turns) <= rotations
    gaps = [b - a for a, b in zip(turns, [*turns[1:], turns[0] + 1], strict=True)]
    assert len(set(gaps)) == 1
    if group.rotations is None:
        assert len(turns) == rotations
    elif group.rotations <= rotations:
        assert len(turns) == group.rotations


def saying(*probabilities: float) -> Tensor:
    """Logits that give class 1 these probabilities."""
    return torch.tensor([[1 - p, p] for p in probabilities]).log()


def test_a_network_that_is_right_as_often_as_it_says_is_calibrated() -> None:
    logits = saying(*[0.8] * 10)
    assert expected_calibration_error(logits, torch.tensor([1] * 8 + [0] * 2)) == pytest.approx(0, abs=1e-6)
    assert expected_calibration_error(logits, torch.zeros(10, dtype=torch.int64)) == pytest.approx(0.8)


def test_bins_are_weighted_by_their_share() -> None:
    logits = saying(0.9, 0.9, 0.9, 0.6)
    labels = torch.tensor([1, 1, 0, 1])
    expected = 3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * abs(1 - 0.6)
    assert expected_calibration_error(logits, labels) == pytest.approx(expected, rel=1e-5)


def test_over_and_under_confidence_in_one_bin_cancel_and_in_two_do_not() -> None:
    one_bin = saying(0.91, 0.92)
    assert expected_calibration_error(one_bin, torch.tensor([1, 0])) == pytest.approx(abs(0.5 - 0.915))
    two_bins = saying(0.95, 0.55)
    assert expected_calibration_error(two_bins, torch.tensor([1, 0])) == pytest.approx((0.05 + 0.55) / 2)


def test_a_bin_of_the_calibration_error_holds_its_upper_end() -> None:
    """Confidence 9/15 is of the bin below it: beside 0.62 it is alone, beside 0.59 it is not."""

    def error(other: float, is_right: bool) -> float:
        logits = torch.tensor([[p, 1 - p] for p in (9 / 15, other)]).log()
        return expected_calibration_error(logits, torch.tensor([0, 0 if is_right else 1]))

    assert error(0.62, is_right=False) == pytest.approx((0.4 + 0.62) / 2, abs=1e-5)
    assert error(0.59, is_right=False) == pytest.approx((0.59 - 0.4) / 2, abs=1e-5)
