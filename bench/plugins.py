"""Plug-ins: a person's own families, data sets, measurements, domains and tasks, which run only when they are named.

A plug-in is a Python file, or an installed package's entry point in the group ``equivaug.plugins``, that registers
something as the project's own modules do. The content of a file stands for the version of what it registers, so that
cells run again when it changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench import former
from bench.errors import UserError, nearest, one_line
from bench.geometry import domain_names
from bench.registry import Catalogue, datasets, families, measurements
from bench.tasks import TASKS

GROUP = "equivaug.plugins"

_CATALOGUES: tuple[Catalogue[Any], ...] = (families, datasets, measurements)

_loaded: dict[str, Plugin] = {}


@dataclass(frozen=True)
class Plugin:
    """A loaded plug-in: the absolute path of its file, or its entry point's name, and what it registers, in words."""

    source: str
    registers: tuple[str, ...]

    def __str__(self) -> str:
        return f"plug-in {self.source}: {', '.join(self.registers)}"


class WithPlugins:
    """A function that a worker process is sent, with the plug-ins that it and its arguments need there."""

    def __init__(self, function: Callable[..., Any], plugins: Sequence[str]) -> None:
        self.function = function
        self.plugins = tuple(plugins)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.function(*arguments, **options)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # before any argument is unpickled: it may be of a plug-in's class
        self.__dict__.update(state)
        load(self.plugins)


def load(sources: Iterable[str]) -> list[Plugin]:
    """Load plug-ins, each once per process, and return them in order.

    UserError, with the file and the line, for one that is not there, fails, registers nothing or a name that is taken.
    """
    return [_load(source) for source in dict.fromkeys(map(located, sources))]


def located(source: str, beside: Path = Path()) -> str:
    """Return a file's absolute path, from the folder ``beside`` on, or the name of an entry point as it is."""
    is_file = source.endswith(".py") or len(Path(source).parts) > 1
    return str((beside / Path(source).expanduser()).resolve()) if is_file else source


def _load(source: str) -> Plugin:
    if source not in _loaded:
        former.understand()
        before = {catalogue.kind: {entry.name for entry in catalogue} for catalogue in _CATALOGUES}
        values_before = _values()
        version = None
        if source.endswith(".py"):
            version = _run_file(Path(source))
        else:
            _run_entry_point(source)
        registers = sorted(_values() - values_before)
        for catalogue in _CATALOGUES:
            for entry in [entry for entry in catalogue if entry.name not in before[catalogue.kind]]:
                registers.append(f"{catalogue.kind} '{entry.name}'")
                if version is not None:
                    catalogue.replace(replace(entry, version=version))
        if not registers:
            raise UserError(f"the plug-in {source} registers no family, data set, measurement, domain or task")
        _loaded[source] = Plugin(source, tuple(registers))
    return _loaded[source]


def _values() -> set[str]:
    """Return the domains and the tasks that there are, in words."""
    return {f"domain '{name}'" for name in domain_names()} | {f"task '{name}'" for name in TASKS}


def _run_file(path: Path) -> int:
    """Run a plug-in's file as a module and return the version that its content stands for."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the plug-in {path} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()[:12]
    name = f"equivaug_plugin_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"the plug-in {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that what it defines can be pickled
    _guarded(str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    return int(digest, 16)


def _run_entry_point(name: str) -> None:
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name not in installed:
        raise UserError(f"unknown plug-in '{name}': neither a .py file nor an installed one{nearest(name, installed)}")
    _guarded(name, installed[name].load)


def _guarded(source: str, run: Callable[[], Any]) -> None:
    try:
        run()
    except UserError:
        raise
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        where = f"{source}, line {line}" if line else source
        raise UserError(f"the plug-in {where}: {one_line(error)}") from error
