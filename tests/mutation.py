"""How many small faults the tests catch: ``python -m tests.mutation ROOM ... [--sample N] [--seed K]``.

``--again`` tries those that survived, by the tables that there are, with the tests of today.

cosmic-ray tells where a room's modules can be changed, and into what: another operator, comparison or number, a loop
that never runs, a decorator that is gone. A random sample of the places is tried in a clone of HEAD, each with the
room's tests in a process of its own. What changes annotations alone is left out. A mutant that does not load, or takes
over three times the processor's seconds, counts as caught. The table has what changed; the share is printed with
Wilson's interval.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import csv
import difflib
import importlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from scipy.stats import binomtest

ROOT = Path(__file__).parent.parent
COLUMNS = ("room", "module", "line", "operator", "caught", "seconds", "change")

PLANE, SPHERE, VECTORS = (f"bench/domains/{domain}" for domain in ("plane", "sphere", "vectors"))
_VECTORS, _SPHERE, _PLANE = (f"tests/domains/{domain}" for domain in ("vectors", "sphere", "plane"))
_CELL = tuple(f"tests/execute/test_{name}.py" for name in ("scoring", "outcomes", "chosen_measurements"))
_MODELS = tuple(f"tests/networks/test_{name}.py" for name in ("models", "exactness", "budgets"))
_DOMAINS = "tests/conformance/test_domains.py"
#: Of analysis, those that simulate no matrices.
_QUICK = ("paired", "best", "differences", "brackets", "exchange", "controls", "ranking", "frontier", "verdict")


@dataclass(frozen=True)
class Part:
    """Modules of a room, and the tests that are to catch their faults: their own, the quickest first, not all."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


def of_domain(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


ROOMS = {
    "groups": (
        Part(
            ("bench/groups", f"{VECTORS}/groups.py", f"{SPHERE}/rotations.py"),
            (
                "tests/groups",
                _VECTORS,
                *of_domain(_SPHERE, "test_rotations.py"),
                f"{_PLANE}/test_homography.py",
                _DOMAINS,
            ),
        ),
    ),
    "geometry": (
        Part(
            of_domain(PLANE, "law.py", "motion.py", "kernels"),
            (f"{_PLANE}/test_kernels.py", f"{_PLANE}/test_homography.py", "tests/measure", _DOMAINS),
        ),
        Part(
            of_domain(SPHERE, "law.py", "motion.py", "transforms.py", "wigner.py"),
            (*of_domain(_SPHERE, "test_wigner.py", "test_transforms.py", "test_action.py", "test_motion.py"), _DOMAINS),
        ),
        Part(of_domain(VECTORS, "maps.py", "tensors.py"), (_VECTORS, _DOMAINS)),
    ),
    "tasks": (
        Part(
            ("bench/tasks", "bench/scores.py"),
            (
                "tests/tasks",
                "tests/test_doctests.py",
                "tests/analysis/test_scores.py",
                f"{_SPHERE}/test_segmentation.py",
                _VECTORS,
                *_CELL,
            ),
        ),
    ),
    "layers": (
        Part(
            of_domain(PLANE, "layers"),
            (
                f"{_PLANE}/test_normalisation.py",
                f"{_PLANE}/test_field_invariants.py",
                "tests/networks/test_export.py",
                f"{_PLANE}/test_residual.py",
                f"{_PLANE}/test_pooling.py",
                *_MODELS,
            ),
        ),
        Part(of_domain(VECTORS, "layers.py"), (_VECTORS,)),
        Part(of_domain(SPHERE, "layers"), of_domain(_SPHERE, "test_layers.py", "test_models.py")),
    ),
    "measure": (
        Part(
            ("bench/measure",),
            ("tests/measure", "tests/test_identity.py", f"{_SPHERE}/test_measurements.py", *_CELL),
        ),
    ),
    "analysis": (
        Part(
            ("bench/analysis",),
            (
                *(f"tests/analysis/test_{name}.py" for name in _QUICK),
                "tests/figures/test_comparison_figures.py",
                "tests/plan/test_rounds.py",
                "tests/analysis",
                "tests/figures",
                "tests/advise",
            ),
        ),
    ),
}
#: Replacements by these are left out: of numbers they raise an error wherever they run, which any test sees.
_OF_BITS = ("Bit", "Shift", "Invert")
#: Preloaded before the forks, so that a mutant costs its tests alone.
_SLOW_IMPORTS = ("torch", "scipy.stats", "pandas", "sklearn", "matplotlib.pyplot", "seaborn", "hypothesis", "pydantic")


@dataclass(frozen=True)
class Mutant:
    """One fault of one module: its place, what changes, and the module's code with it."""

    module: str
    line: int
    operator: str
    change: str
    code: str
    tests: tuple[str, ...]


def sites(module: Path) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """Return the operators and their occurrences that change a module, by the line and column of what they change."""
    tree = get_ast(module.read_text())
    operators: dict[tuple[int, int], list[tuple[str, int]]] = {}
    for name in operator_names():
        operator = get_operator(name)
        if operator.arguments() or any(part in name.rpartition("_")[2] for part in _OF_BITS):
            continue
        places = (place for node in ast_nodes(tree) for place in operator().mutation_positions(node))
        for occurrence, (start, _) in enumerate(places):
            operators.setdefault(start, []).append((name, occurrence))
    return operators


def sampled(room: str, root: Path, count: int, seed: int) -> list[Mutant]:
    """Return mutants of a room, every place that can be changed with the same probability, at most one of each."""
    places = [
        (part, module, place, choices)
        for part in ROOMS[room]
        for module in _modules(root, part)
        for place, choices in sorted(sites(module).items())
    ]
    draws = random.Random(f"{room} {seed}")
    draws.shuffle(places)
    mutants = (_mutant(root, part, module, place, draws.choice(choices)) for part, module, place, choices in places)
    return list(islice((mutant for mutant in mutants if mutant), count))


def survivors(room: str, root: Path, table: Path) -> list[Mutant]:
    """Return the mutants of a table that no test has caught, wherever the code that they change still stands."""
    with table.open() as file:
        left = {(row["module"], row["operator"], row["change"]) for row in csv.DictReader(file) if row["caught"] == "0"}
    modules = {root / module for module, _, _ in left}
    mutants = (
        _mutant(root, part, module, place, choice)
        for part in ROOMS[room]
        for module in _modules(root, part)
        if module in modules
        for place, choices in sorted(sites(module).items())
        for choice in choices
    )
    return [each for each in mutants if each and (each.module, each.operator, each.change) in left]


def _modules(root: Path, part: Part) -> list[Path]:
    paths = [root / name for name in part.modules]
    return sorted(path for each in paths for path in ([each] if each.is_file() else each.rglob("*.py")))


def _mutant(root: Path, part: Part, module: Path, place: tuple[int, int], choice: tuple[str, int]) -> Mutant | None:
    """Return the mutant, None where nothing that runs has changed."""
    name, occurrence = choice
    before = module.read_text()
    after = mutate_code(before, get_operator(name)(), occurrence)
    if after is None or _running(before) == _running(after):
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    change = " ".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))
    change = " ".join(change.split())
    return Mutant(str(module.relative_to(root)), place[0], name.removeprefix("core/"), change, after, part.tests)


class _WithoutAnnotations(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _running(code: str) -> str | None:
    """Return what runs of a module, annotations left out; None where it cannot be parsed."""
    try:
        return ast.dump(_WithoutAnnotations().visit(ast.parse(code)))
    except SyntaxError:
        return None


def outcome(root: Path, tests: tuple[str, ...], limit: float, output: str = os.devnull) -> tuple[bool, float]:
    """Run tests on a clone in a fork of this process; return whether one fails, and the seconds of a processor.

    Over ``limit`` of these count as a failure, however busy the machine is, as does a wait of ten times as long.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        written = os.open(output, os.O_RDWR | os.O_CREAT)
        for stream in (0, 1, 2):
            os.dup2(written, stream)
        os._exit(_tested(root, tests))
    end, spent = time.monotonic() + 10 * limit, 0.0
    while time.monotonic() < end and spent < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0, spent
        spent = max(spent, _processor_seconds(child))
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True, spent


def _processor_seconds(number: int) -> float:
    """Return the processor's seconds of a process and of those that it started."""
    spent = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        for each in [process, *process.children(recursive=True)]:
            times = each.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def _tested(root: Path, tests: tuple[str, ...]) -> int:
    os.chdir(root)
    sys.path.insert(0, str(root))
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))


def tried(room: str, mutants: list[Mutant], root: Path) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for every mutant, the tests of its part run on it."""
    alone: dict[tuple[str, ...], float] = {}
    for mutant in mutants:
        if mutant.tests not in alone:
            alone[mutant.tests] = _seconds_without_a_fault(room, root, mutant.tests)
        module = root / mutant.module
        code = module.read_text()
        module.write_text(mutant.code)
        try:
            caught, seconds = outcome(root, mutant.tests, 60 + 3 * alone[mutant.tests])
        finally:
            module.write_text(code)
        place = {"module": mutant.module, "line": mutant.line, "operator": mutant.operator}
        yield {"room": room, **place, "caught": int(caught), "seconds": round(seconds, 1), "change": mutant.change}


def _seconds_without_a_fault(room: str, root: Path, tests: tuple[str, ...]) -> float:
    output = root / "output.txt"
    failed, seconds = outcome(root, tests, 3600, str(output))
    if failed:
        raise SystemExit(f"tests of {room} fail without a fault:\n{output.read_text()[-5000:]}")
    return seconds


def main() -> None:
    """Try the mutants of the rooms that the command line names, and print what share was caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="+", choices=list(ROOMS))
    parser.add_argument("--sample", type=int, default=40, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--again", action="store_true", help="try those that survived, into ROOM-again.csv")
    parser.add_argument("--into", type=Path, default=ROOT / "results" / "mutation", help="folder of the tables")
    chosen = parser.parse_args()
    chosen.into.mkdir(parents=True, exist_ok=True)
    for name in _SLOW_IMPORTS:
        importlib.import_module(name)
    # a mutant of the same length within the same second would be taken for its compiled predecessor
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
        os.environ |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        for room in chosen.rooms:
            rows, name = [], f"{room}-again" if chosen.again else room
            mutants = (
                survivors(room, root, chosen.into / f"{room}.csv")
                if chosen.again
                else sampled(room, root, chosen.sample, chosen.seed)
            )
            for row in tried(room, mutants, root):
                rows.append(row)
                said = "caught" if row["caught"] else "SURVIVED"
                print(f"{said} {row['module']}:{row['line']} {row['change']} ({row['seconds']} s)", flush=True)
                with (chosen.into / f"{name}.csv").open("w", newline="") as file:
                    table = csv.DictWriter(file, COLUMNS)
                    table.writeheader()
                    table.writerows(rows)
            if not rows:
                print(f"{name}: nothing to try", flush=True)
                continue
            caught = sum(row["caught"] for row in rows)
            low, high = binomtest(caught, len(rows)).proportion_ci(0.95, "wilson")
            print(
                f"{name}: {caught} of {len(rows)} caught, {caught / len(rows):.0%} ({low:.0%} to {high:.0%})",
                flush=True,
            )


if __name__ == "__main__":
    main()
