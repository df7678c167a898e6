"""Made-up matrices with known answers: tables whose scores are what a test says they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bench.results import tables as made
from bench.results.tables import Tables

#: label -> symmetry
LABELS = {"cnn": "C1", "steerable C8": "C8"}

#: What a made-up cell of the plane does not say itself.
PLANE = {
    "domain": "plane",
    "task": "classification",
    "score": "accuracy",
    "resampling": "spline",
    "crop": "disc",
    "seeding": "",
}

# (label, training size, strength, seed) -> accuracy on transformed inputs
Accuracy = Callable[[str, int, float, int], float]
STEPS = (100, 200, 400)


def matrix(
    accuracy: Accuracy,
    labels: dict[str, str] = LABELS,
    sizes: Sequence[int] = (100, 1000),
    strengths: Sequence[float] = (0.0, 1.0),
    seeds: int = 5,
    **columns: Any,
) -> Tables:
    """Return typed tables of done cells; a curve rises to its accuracy in proportion to step, at 10 ms a step.

    Validation and test scores are the same number; ``columns`` go into every row of ``runs``.
    """
    runs, curves, errors = [], [], []
    for label, group in labels.items():
        for size in sizes:
            for strength in strengths:
                for seed in range(seeds):
                    score = accuracy(label, size, strength, seed)
                    axes = {
                        **PLANE,
                        "cell_id": f"{label}-{size}-{strength:g}-{seed}",
                        "suite": "made-up",
                        "dataset": "digits",
                        "train_size": size,
                        "family": label.split()[0],
                        "label": label,
                        "group": group,
                        "augmentation_group": "SO(2)",
                        "strength": strength,
                        "copies": 0,
                        "seed": seed,
                    }
                    axes |= {axis: value for axis, value in columns.items() if axis in axes}
                    scores = {
                        "test_score": score,
                        "transformed_score": score,
                        "exact_score": score,
                        "resampled_score": score,
                        "validation_score": score,
                        "upright_validation_score": score,
                        "transformed_validation_score": score,
                    }
                    cost = {"batch_size": 32, "flops_per_example": 1e6, "parameters": 1e4, "train_seconds": 4.0}
                    told = {"status": "done", "reason": "", "timing": "exclusive", "match_by": "parameters"}
                    runs.append({**axes, **scores, **cost, **told, **columns})
                    for step in STEPS:
                        reached = {"transformed_validation_score": score * step / STEPS[-1]}
                        curves.append({**axes, "step": step, "seconds": step / 100, **reached})
                    for degrees in (45.0, 90.0):
                        error = {"error": 1e-7 if group != "C1" and degrees == 90 else 0.3, "floor": 0.1}
                        where = {"stage": "trained", "layer": "output", "element": f"rotate {degrees:g}"}
                        metric = {"metric": "relative l2 on the centred disc", "metric_version": 1, "samples": 8}
                        errors.append(
                            {
                                **axes,
                                **where,
                                "kind": "rotation",
                                "magnitude": degrees,
                                "unit": "degrees",
                                **error,
                                **metric,
                            }
                        )
    frames = {"runs": runs, "curves": curves, "equivariance": errors}
    return Tables(**{name: made.typed(name, pd.DataFrame(rows)) for name, rows in frames.items()})


def noise(label: str, size: int, strength: float, seed: int) -> float:
    """Return what a seed does to one setting: small, of mean zero over five seeds, another in every setting."""
    order = [0, 3, 1, 4, 2]
    turn = sum(map(ord, label)) + size // 100 + round(10 * strength)
    return (order[(seed + turn) % 5] - 2) * 1e-3
