"""Whether this code gives the same numbers as another revision: ``python -m tests.same_numbers REVISION``.

One-step cells of every family, strength, kind of copies, and of cells that train together run in a worktree of the
revision and here, in the same environment; every column of every record that does not depend on the clock is compared
bit by bit. For changes that are to change no number, such as the moves of a redesign. Exit code 1 where they differ.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

FAMILIES: list[dict[str, Any]] = [
    {"family": "cnn"},
    {"family": "gcnn", "group": ["C4", "D4"]},
    {"family": "steerable", "group": ["C8", "D4"]},
    {"family": "steerable", "group": "SO(2)", "fields": "irreps"},
    {"family": "steerable", "group": "O(2)", "fields": "induced", "nonlinearity": "norm"},
    {"family": "e2cnn", "group": "C4"},
    {"family": "hnet"},
    {"family": "et"},
]


def suite(size: int, families: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    small = [{"channels": [1, 2], "pool_after": [1], "width": 2, **each} for each in families]
    return {
        "name": "same-numbers",
        "data": {"name": "digits", "size": size, "train_sizes": [64]},
        "families": small,
        "budget": {"steps": 2, "batch_size": 16, "evaluations": 1},
        "seeds": 2,
        "measure": {"equivariance": {"angles": [30, 90], "samples": 8}, "test_images": 64},
        **changes,
    }


SUITES = [
    suite(16, FAMILIES, augmentation={"group": "SO(2)", "strengths": [0, 1]}),
    suite(17, FAMILIES[:2], augmentation={"group": "O(2)", "strengths": [0.5], "copies": 2, "resampling": "bilinear"}),
    suite(24, [{"family": "z2cnn"}, {"family": "p4cnn"}], augmentation={"group": "D4", "strengths": [1]}),
    suite(56, [{"family": "et-released"}], augmentation={"group": "PGL(3)", "strengths": [1]}),
]

_SHAPES_OF_THEIR_OWN = ("z2cnn", "p4cnn", "et-released")


def records() -> Iterator[dict[str, Any]]:
    """Yield what every cell of the suites gives with the code that is imported, alone and in pairs."""
    from bench import suite as suites

    try:
        from bench.execute.batching import together
        from bench.execute.job import run_cells
    except ImportError:  # a revision before these were files of their own
        from bench.execute.cell import run_cells  # type: ignore[import-not-found,no-redef]
        from bench.execute.groups import together  # type: ignore[import-not-found,no-redef]

    try:
        from bench.plan.matrix import make
    except ImportError:
        from bench.plan import make  # type: ignore[attr-defined,no-redef]

    for raw in SUITES:
        for family in raw["families"]:
            if family["family"] in _SHAPES_OF_THEIR_OWN:
                family.pop("channels", None), family.pop("pool_after", None)
        cells = make(suites.parse(raw), set(), "same-numbers").todo
        for at_once in (1, 2):
            for group in together(list(cells), at_once):
                for record in run_cells(group, "cpu", "shared"):
                    content = {"run": record.run, "curves": record.curves, "equivariance": record.equivariance}
                    yield {"cell": record.cell_id, "together": len(group), **content}


def written(code: Path) -> list[str]:
    """Return the records as lines of JSON, made in a process of its own with the code of a folder."""
    environment = {**os.environ, "PYTHONPATH": str(code), "CUDA_VISIBLE_DEVICES": ""}
    found = subprocess.run(
        [sys.executable, __file__], cwd=code, env=environment, capture_output=True, text=True, check=False
    )
    if found.returncode:
        sys.exit(f"{code}: {found.stderr.strip().splitlines()[-1]}")
    return found.stdout.splitlines()


def differences(then: list[str], now: list[str], clock: set[str]) -> Iterator[str]:
    """Yield where two lists of records differ, columns of the clock and of the revision aside."""
    if len(then) != len(now):
        yield f"{len(then)} records then, {len(now)} now"
    for one, other in zip(map(json.loads, then), map(json.loads, now), strict=False):
        for place, (before, after) in _leaves(_named_today(one), _named_today(other)):
            if place.rpartition(".")[2] not in clock and before != after:
                yield f"cell {one['cell']}, {place}: {before} then, {after} now"


def _named_today(value: Any) -> Any:
    """Return a record with the names that its columns have today, so that a rename hides no number."""
    from bench.results.upgrade import todays_name

    if isinstance(value, dict):
        return {todays_name(key): _named_today(each) for key, each in value.items()}
    return [_named_today(each) for each in value] if isinstance(value, list) else value


def _leaves(one: Any, other: Any, place: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            # a column that one of the two does not have is no other number
            if key in one and key in other:
                yield from _leaves(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from _leaves(*pair, f"{place}[{i}]")
    else:
        yield place, (one, other)


def main(revision: str) -> int:
    from bench.results.columns import WALL_CLOCK

    with tempfile.TemporaryDirectory() as folder:
        worktree = Path(folder) / "then"
        subprocess.run(["git", "worktree", "add", "--detach", str(worktree), revision], cwd=ROOT, check=True)
        try:
            then, now = written(worktree), written(ROOT)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(worktree)], cwd=ROOT, check=True)
    found = list(differences(then, now, {*WALL_CLOCK, "commit", "version"}))
    print("\n".join(found[:20] or [f"{len(now)} records, all the same"]))
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(sys.argv[1]))
    for each in records():
        print(json.dumps(each, default=str))
