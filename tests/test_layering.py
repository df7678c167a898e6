"""Imports follow the data flow of the design: nothing on the left imports anything on its right."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "bench"

# room -> the rooms that it may import; a room may always import itself
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "atomic": set(),
    "roc": set(),
    "plaintext": set(),
    "backend": set(),
    "heartbeat": set(),
    "fitness": set(),
    "seeds": set(),
    "seeding": set(),
    "scores": set(),
    "bits": set(),
    "canonical": set(),
    "former": set(),
    "axes": {"errors"},
    "cell": {"axes", "canonical"},
    "registry": {"errors"},
    "groups": {"errors"},
    "geometry": {"errors", "groups", "seeds"},
    "tasks": {"errors", "geometry", "scores"},
    "data": {"errors", "geometry", "registry", "seeds", "tasks"},
    "networks": {"cell", "errors", "geometry", "groups", "registry"},
    "domains": {"axes", "canonical", "data", "errors", "geometry", "groups", "networks", "registry", "seeds", "tasks"},
    "train": {"atomic", "cell", "errors", "fitness", "heartbeat", "scores", "seeds", "tasks"},
    "measure": {"axes", "canonical", "cell", "geometry", "groups", "networks", "registry", "roc", "tasks"},
    "plugins": {"errors", "former", "geometry", "registry", "tasks"},
    "suite": {"axes", "canonical", "cell", "errors", "geometry", "plugins", "registry", "scores", "seeding", "tasks"},
    "results": {"atomic", "cell", "errors", "suite"},
    "analysis": {"bits", "results", "scores", "seeding"},
    "figures": {"analysis", "atomic", "results", "roc", "scores"},
    "report": {"analysis", "atomic", "errors", "figures", "results", "scores"},
    "execute": {"bits", "cell", "data", "errors", "fitness", "geometry", "heartbeat", "measure", "networks", "registry"}
    | {"results", "scores", "seeds", "tasks", "train"},
    "plan": {"analysis", "cell", "data", "errors", "execute", "geometry", "networks", "results", "scores", "seeding"}
    | {"suite", "train"},
    "run": {"analysis", "cell", "errors", "execute", "figures", "plan", "results"},
    # of the plane alone, and they say so
    "advise": {"analysis", "atomic", "cell", "data", "domains", "errors", "execute", "groups", "networks"}
    | {"plan", "registry", "report", "results", "run", "seeds", "suite", "train"},
    "show": {"atomic", "cell", "data", "domains", "errors", "execute", "figures", "geometry", "groups", "measure"}
    | {"networks"}
    | {"plan", "registry", "results", "suite"},
    "gate": {"atomic", "cell", "domains", "errors", "execute", "groups", "measure", "networks", "plan", "registry"}
    | {"results", "suite", "train"},
    "api": {"analysis", "backend", "errors", "execute", "figures", "plan", "plugins", "registry", "results", "run"}
    | {"suite"},
    "extend": {"data", "domains", "errors", "geometry", "groups", "measure", "networks", "registry", "tasks"},
    "doctor": {
        "cell",
        "data",
        "domains",
        "errors",
        "execute",
        "fitness",
        "geometry",
        "groups",
        "measure",
        "networks",
        "plan",
    }
    | {"registry", "results", "run", "suite", "train"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" if node.module == "bench" else node.module for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("bench.")}
    return found


def test_every_room_has_its_place() -> None:
    rooms = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__", "cli"} == set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_lies_before_it(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]
    for path in files:
        beyond = imports(path) - ALLOWED[room] - {room, "__version__"}
        assert not beyond, f"{path.relative_to(ROOT.parent)} imports {', '.join(sorted(beyond))}"


def domains() -> list[str]:
    return [path.name for path in (ROOT / "domains").iterdir() if (path / "__init__.py").exists()]


@pytest.mark.parametrize("domain", domains())
def test_a_domain_knows_no_other(domain: str) -> None:
    for path in sorted((ROOT / "domains" / domain).rglob("*.py")):
        for other in set(domains()) - {domain}:
            assert f"bench.domains.{other}" not in path.read_text(), f"{path.name} knows {other}"


@pytest.mark.parametrize("room", ["analysis", "figures", "report", "results.tables", "results.store"])
def test_tables_and_figures_need_no_torch(room: str) -> None:
    """What reads results works on a machine without torch."""
    code = f"import sys, bench.{room}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
