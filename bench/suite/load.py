"""From a file to a suite that is checked in full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import plugins
from bench.axes import check, shown
from bench.errors import UserError, nearest
from bench.registry import datasets
from bench.suite.choices import augmentations, data_choices, entry_of, family_choices, measure
from bench.suite.models import Suite
from bench.suite.yamlfile import overridden, read
from bench.tasks import TASKS


def load(source: str, overrides: Sequence[str] = (), plugged: Sequence[str] = ()) -> Suite:
    """Return the suite of a path, or of a name in a ``suites`` folder, changed by ``key.key=value`` overrides.

    ``plugged`` are plug-ins beside those that the suite names. UserError names the file, the key, what was found and
    what would be accepted.
    """
    path = find(source)
    return parse(read(path), str(path), overrides, plugged, path.parent)


def parse(
    raw: Any,
    where: str = "suite",
    overrides: Sequence[str] = (),
    plugged: Sequence[str] = (),
    folder: Path = Path(),
) -> Suite:
    """Return the suite of a mapping with every part of it checked; ``where`` names it in errors.

    Plug-ins that the suite names lie in ``folder``; all are loaded, and the suite then names them by absolute paths.
    """
    where = place(where, overrides)
    if not isinstance(raw, dict):
        raise UserError(f"{where}: found {shown(raw)}; a suite is a mapping with 'name', 'data', 'families', 'budget'")
    for override in overrides:
        raw = overridden(raw, override)
    suite = check(raw, Suite, where)
    named = [plugins.located(source, folder) for source in suite.plugins]
    loaded = plugins.load([*named, *plugged])
    suite = suite.model_copy(update={"plugins": tuple(plugin.source for plugin in loaded)})
    data_choices(suite, where)
    family_choices(suite, where)
    augmentations(suite, where)
    measure(suite.measure, where, TASKS[entry_of(datasets, suite.data.get("name"), f"{where}: data.name").task])
    return suite


def place(where: str, overrides: Sequence[str]) -> str:
    """Return the name of a suite in errors, which says that it is not the file alone that may be wrong."""
    return " ".join([where, *(f"with --set {shown(override)}" for override in overrides)])


def find(source: str) -> Path:
    """Return the file of a suite's path or name."""
    if Path(source).suffix in (".yaml", ".yml") or len(Path(source).parts) > 1:
        if not Path(source).is_file():
            raise UserError(f"there is no suite file {source}")
        return Path(source)
    known = available()
    if source not in known:
        raise UserError(f"unknown suite '{source}'{nearest(source, known)}")
    return known[source]


def available() -> dict[str, Path]:
    """Return the suites that are found by name: the working directory's before those that came with the project."""
    package = Path(__file__).parent.parent
    folders = [Path("suites"), package.parent / "suites", package / "suites"]
    return {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.yaml"))}
