"""Matrices of which the advice is known, and data to ask for advice about."""

from __future__ import annotations

from typing import Any

import torch

from bench.analysis.orientation import TwoSamples
from bench.data.dataset import Dataset, Split
from bench.domains.plane import of_images
from bench.results.tables import Tables
from tests.matrices import matrix, noise

LABELS = {"cnn": "C1", "steerable C8": "C8"}

SEEN = TwoSamples("SO(2)", "rotate 90, rotate 180, rotate 270", 118, 120)
UNSEEN = TwoSamples("SO(2)", "rotate 90, rotate 180, rotate 270", 63, 120)


def matrix_of(upright: Any, transformed: Any) -> Tables:
    """Return a matrix with one size whose upright and transformed accuracies are functions of (label, strength)."""
    tables = matrix(lambda label, size, s, seed: upright(label, s) + noise(label, size, s, seed), LABELS, sizes=(500,))
    moved = [
        transformed(row.label, row.strength) + noise(row.label, 1, row.strength, row.seed)
        for row in tables.runs.itertuples()
    ]
    for column in ("transformed_score", "exact_score", "transformed_validation_score"):
        tables.runs[column] = moved
    tables.runs["resampled_score"] = tables.runs["test_score"] - 0.01
    tables.runs["test_size"], tables.runs["chance_score"] = 400.0, 0.1
    tables.runs["steps"] = 400.0
    return tables


#: As digits: what is learned upright does not hold when moved, and a network blind to it takes 6 for 9.
DIGITS = matrix_of(lambda label, s: 0.95 if label == "cnn" and s == 0 else 0.88, lambda _, s: 0.88 if s else 0.4)
#: As cells under a microscope: there is no upright, and building it in helps.
CELLS = matrix_of(*[lambda label, s: (0.92 if label != "cnn" else 0.8) + 0.02 * s] * 2)
#: Nothing matters.
FLAT = matrix_of(*[lambda *_: 0.9] * 2)
#: The equivariant network is ahead by half of what a seed does.
SLIGHT = matrix_of(*[lambda label, _: 0.9 + 0.0007 * (label != "cnn")] * 2)


def toy(images: int, classes: int = 2, side: int = 16) -> Dataset:
    def split(count: int) -> Split:
        return Split(torch.zeros(count, 1, side, side, dtype=torch.uint8), torch.arange(count) % classes)

    return of_images("npz", tuple(map(str, range(classes))), split(images), split(20), split(20))
