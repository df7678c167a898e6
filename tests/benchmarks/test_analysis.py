"""Analysis and report of large matrices, beside the time that reading their tables takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tests.matrices as matrices
from bench.analysis.printed import KINDS, printed
from bench.analysis.verdict import verdict
from bench.report import page
from bench.results import tables as made
from bench.results.tables import Tables
from tests.matrices import matrix, noise

LABELS = {"cnn": "C1", **{f"steerable C{n}": f"C{n}" for n in range(2, 11)}}


def _score(label: str, size: int, strength: float, seed: int) -> float:
    return 0.5 + 0.2 * (label != "cnn") + 0.1 * strength + 0.05 * (size > 100) + noise(label, size, strength, seed)


@cache
def large(seeds: int) -> Tables:
    """Return a matrix of 200 cells per seed with curves of 200 points."""
    steps, matrices.STEPS = matrices.STEPS, tuple(range(2, 402, 2))
    try:
        return matrix(
            _score, labels=LABELS, sizes=(100, 300, 1000, 3000, 12000), strengths=(0, 0.25, 0.5, 1), seeds=seeds
        )
    finally:
        matrices.STEPS = steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large")
    made.write(large(50), path)
    return path


@pytest.mark.benchmark(group="10,000 cells with curves of 200 points")
@pytest.mark.parametrize("what", ["1 reading", "2 reading, analysis, verdict"])
def test_analysing_ten_thousand_cells(what: str, folder: Path, benchmark: Any) -> None:
    def run() -> None:
        tables = made.read(folder)
        if what.startswith("2"):
            for kind in KINDS:
                printed(tables, kind, "transformed_score", "md")
            verdict(tables)

    benchmark.pedantic(run, rounds=2)


@pytest.mark.benchmark(group="a report of 1,000 cells")
def test_writing_a_report(benchmark: Any) -> None:
    tables = large(5)
    benchmark.pedantic(lambda: page(tables, None, {}, "large"), rounds=2)
