"""The matrix that fits into the minutes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.advise import proposal
from bench.advise.proposal import SCALES, name_of, propose, train_sizes
from bench.errors import UserError
from bench.plan.estimate import Estimate, Line
from bench.suite import Suite
from tests.advise.matrices import toy


def estimate(suite: Suite, fixed: float = 0.5, step: float = 0.01) -> Estimate:
    """Return what cells of known cost take with one worker."""
    seeds, steps = int(suite.seeds), int(suite.budget["steps"])  # type: ignore[arg-type]
    cells = seeds * len(suite.augmentation["strengths"]) * len(suite.augmentation["group"])
    cells *= len(suite.data["train_sizes"])
    line = Line("any", cells, cells * (fixed + step * steps), cells * fixed, 0.0, None, None)
    return Estimate((line,) * len(suite.families), 1)


def proposed(minutes: float, images: int = 4000) -> proposal.Proposal:
    return propose(Path("photos"), {"name": "npz", "path": "photos.npz"}, toy(images), minutes, estimate)


@pytest.mark.parametrize("minutes", [3, 4, 8, 20, 120])
def test_a_matrix_fits_into_the_minutes(minutes: float) -> None:
    found = proposed(minutes)
    assert found.seconds <= 60 * minutes
    assert found.seconds == pytest.approx(estimate(found.suite).seconds)
    assert found.cells == sum(line.cells for line in estimate(found.suite).lines)


def test_more_minutes_give_a_more_thorough_matrix() -> None:
    short, long = proposed(4), proposed(240)
    assert short.suite.seeds == SCALES[-1].seeds
    assert long.suite.seeds == SCALES[0].seeds
    assert long.cells > short.cells


def test_too_few_minutes_are_refused_with_the_number_that_suffices() -> None:
    with pytest.raises(UserError, match=r"--minutes 0\.1 is too short for photos") as refused:
        proposed(0.1)
    found = re.search(r"about ([0-9.]+)$", str(refused.value))
    assert found is not None
    assert proposed(float(found[1]) + 0.1).suite.budget["steps"] >= proposal.LEAST


@pytest.mark.parametrize(("images", "expected"), [(1600, [100, 400, 1600]), (100, [25, 100]), (30, [30]), (5, [5])])
def test_sizes_are_quarters_and_never_too_few(images: int, expected: list[int]) -> None:
    assert train_sizes(toy(images), 3) == expected


@pytest.mark.parametrize("path", ["photos", "my photos (new)", "a/b/..", "…"])
def test_every_folder_gives_a_name_that_a_suite_takes(path: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name_of(Path(path)))
