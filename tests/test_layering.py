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
    "plaintext": set(),
    "backend": set(),
    "heartbeat": set(),
    "seeds": set(),
    "seeding": set(),
    "scores": set(),
    "bits": set(),
    "canonical": set(),
    "yamlfile": {"axes", "errors"},
    "axes": {"errors"},
    "cell": {"axes", "canonical"},
    "registry": {"errors"},
    "groups": {"errors"},
    "kernels": {"groups"},
    "layers": {"groups", "kernels"},
    "data": {"axes", "domains", "errors", "geometry", "groups", "registry", "seeds", "tasks"},
    "geometry": {"errors", "groups", "seeds"},
    "tasks": {"scores"},
    "domains": {"data", "geometry", "groups", "models", "seeds"},
    "models": {"canonical", "cell", "domains", "errors", "geometry", "groups", "kernels", "layers", "registry"},
    "train": {"atomic", "cell", "errors", "heartbeat", "scores", "seeds", "tasks"},
    "measure": {"axes", "canonical", "cell", "geometry", "groups", "models", "registry", "tasks"},
    "plugins": {"errors", "registry"},
    "suite": {
        "axes",
        "canonical",
        "cell",
        "errors",
        "geometry",
        "plugins",
        "registry",
        "scores",
        "seeding",
        "tasks",
        "yamlfile",
    },
    "analysis": {"bits", "seeding", "scores", "results"},
    "figures": {"atomic", "analysis", "scores", "results"},
    "report": {"atomic", "analysis", "errors", "figures", "scores", "results"},
    "execute": {
        "geometry",
        "tasks",
        "bits",
        "cell",
        "data",
        "errors",
        "groups",
        "heartbeat",
        "measure",
        "models",
        "registry",
        "scores",
        "seeds",
        "results",
    }
    | {"train"},
    "plan": {"geometry", "cell", "data", "errors", "execute", "models", "suite"},
    "estimate": {"cell", "execute", "train"},
    "prepare": {"plan", "results", "suite"},
    "rounds": {"analysis", "cell", "plan", "scores", "seeding", "results"},
    "results": {"atomic", "cell", "errors", "suite", "yamlfile"},
    "run": {"analysis", "cell", "errors", "execute", "figures", "plan", "results", "rounds"},
    "advise": {
        "domains",
        "geometry",
        "atomic",
        "analysis",
        "cell",
        "data",
        "errors",
        "estimate",
        "execute",
        "groups",
        "models",
        "plan",
    }
    | {"prepare", "registry", "report", "results", "run", "seeds", "suite", "train"},
    "api": {
        "analysis",
        "backend",
        "errors",
        "registry",
        "execute",
        "figures",
        "plugins",
        "prepare",
        "run",
        "results",
        "suite",
    },
    "show": {
        "domains",
        "geometry",
        "atomic",
        "cell",
        "data",
        "errors",
        "execute",
        "figures",
        "groups",
        "kernels",
        "layers",
        "measure",
    }
    | {"models", "plan", "results", "suite"},
    "gate": {
        "domains",
        "geometry",
        "atomic",
        "cell",
        "errors",
        "execute",
        "groups",
        "kernels",
        "layers",
        "measure",
        "models",
        "plan",
        "registry",
    }
    | {"results", "suite", "train"},
    "schema": {"geometry", "axes", "cell", "registry", "suite"},
    "listing": {"geometry", "errors", "registry", "suite", "yamlfile"},
    "doctor": {"data", "execute", "registry", "run"},
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


@pytest.mark.parametrize("room", ["analysis", "figures", "report", "results.tables", "results.store"])
def test_tables_and_figures_need_no_torch(room: str) -> None:
    """What reads results works on a machine without torch."""
    code = f"import sys, bench.{room}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
