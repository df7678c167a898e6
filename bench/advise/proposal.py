"""A small fair matrix, as thorough as the minutes allow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.dataset import Dataset
from bench.errors import UserError
from bench.plan.estimate import Estimate
from bench.suite import Suite, parse


@dataclass(frozen=True)
class Scale:
    """How thorough a matrix is: strengths of augmentation, training-set sizes (how many) and seeds."""

    strengths: tuple[float, ...]
    sizes: int
    seeds: int


@dataclass(frozen=True)
class Proposal:
    """A suite, its number of cells, and the seconds that it is estimated to take."""

    suite: Suite
    cells: int
    seconds: float


#: What is tried, the most thorough first; the first whose steps suffice is run. Two seeds choose, the others test.
SCALES = (Scale((0, 0.25, 1), 3, 7), Scale((0, 0.25, 1), 2, 5), Scale((0, 1), 2, 5), Scale((0, 1), 1, 5))

#: Mirrors and rotations: the symmetries that images of things seen from any side may have.
GROUPS = ("D1", "SO(2)")

#: The plain network, and one each that has mirrors, rotations, and both built in.
FAMILIES: tuple[dict[str, Any], ...] = (
    {"family": "cnn"},
    {"family": "steerable", "group": "D1"},
    {"family": "steerable", "group": "C8"},
    {"family": "steerable", "group": "D4"},
)

#: Steps below which such a network has hardly begun to learn, that are enough, and that are more than enough.
LEAST, ENOUGH, MOST = 100, 400, 3000

#: FLOPs per image of 28 x 28 pixels, the same for all networks: equal time is what a user has, not equal parameters.
#: With a third of it one regular field of C8 per layer is all that fits, and the equivariant networks fall behind.
FLOPS = 2e7

#: Share of the minutes that the estimate may fill: the rest is for tables, figures, and the estimate's own error.
FILLED = 0.8


def name_of(path: Path) -> str:
    """Return the name of the suite, and of its results folder, for the images in ``path``."""
    return f"advise-{re.sub(r'[^A-Za-z0-9._-]+', '-', path.resolve().stem).strip('-._') or 'images'}"


def propose(
    path: Path, data: dict[str, Any], dataset: Dataset, minutes: float, estimate: Callable[[Suite], Estimate]
) -> Proposal:
    """Return the most thorough matrix that the minutes allow; UserError with the minutes that the least one takes.

    ``estimate`` measures a suite from steps that are really run; what it says of the smallest is scaled to the others.
    """
    cost = estimate(matrix(path, data, dataset, SCALES[-1], ENOUGH))
    if reasons := [f"{line.label}: {line.reason}" for line in cost.lines if line.reason]:
        raise UserError(f"{path}: {reasons[0]}")
    measured = sum(line.cells for line in cost.lines)
    fixed = cost.seconds_at(0) / measured
    step = (cost.seconds - cost.seconds_at(0)) / measured / ENOUGH
    for scale in SCALES:
        cells = len(FAMILIES) * len(GROUPS) * len(scale.strengths) * scale.seeds
        cells *= len(train_sizes(dataset, scale.sizes))
        affordable = int((60 * FILLED * minutes / cells - fixed) / step)
        if affordable >= (LEAST if scale is SCALES[-1] else ENOUGH):
            steps = min(affordable, MOST)
            return Proposal(matrix(path, data, dataset, scale, steps), cells, cells * (fixed + steps * step))
    raise UserError(
        f"--minutes {minutes:g} is too short for {path} on this device: the smallest matrix that says anything takes "
        f"about {cells * (fixed + LEAST * step) / 60 / FILLED:.1f}"
    )


def train_sizes(dataset: Dataset, count: int) -> list[int]:
    """Return up to ``count`` training-set sizes, each a quarter of the next, the largest all images."""
    images, least = len(dataset.train), max(20, 4 * len(dataset.names))
    return sorted({size for power in range(count) if (size := images // 4**power) >= least} | {images})


def matrix(path: Path, data: dict[str, Any], dataset: Dataset, scale: Scale, steps: int) -> Suite:
    """Return the suite of a scale: every family under either group, matched by FLOPs."""
    side = dataset.train.inputs.shape[-1]
    return parse(
        {
            "name": name_of(path),
            "description": "written by `equivaug advise`",
            # one crop for both groups, so that what is not augmented is one and the same training
            "data": {**data, "train_sizes": train_sizes(dataset, scale.sizes), "crop": "disc"},
            "augmentation": {"group": list(GROUPS), "strengths": list(scale.strengths)},
            "families": list(FAMILIES),
            "match": {"by": "flops", "target": round(FLOPS * (side / 28) ** 2)},
            "budget": {"steps": steps, "batch_size": 32, "lr": 0.01, "evaluations": 4},
            "seeds": scale.seeds,
            "measure": {"equivariance": {"angles": [45, 90], "samples": 64}, "test_images": 2000},
        },
        f"the suite for {path}",
    )
