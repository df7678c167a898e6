"""Modules by the names that they had in 0.1, so that plug-ins written for it still load."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_PLANE = "bench.domains.plane"

#: What stood where, the longest names first.
MOVED = {
    **{f"bench.models.{name}": f"bench.networks.{name}" for name in ("network", "matching", "size", "export", "lanes")},
    **{f"bench.data.{name}": f"{_PLANE}.data.{name}" for name in ("idx", "mnist", "npz", "pictures", "resize")},
    "bench.models": f"{_PLANE}.models",
    "bench.layers": f"{_PLANE}.layers",
    "bench.kernels": f"{_PLANE}.kernels",
    "bench.augment": f"{_PLANE}.motion",
    "bench.store": "bench.results.store",
    "bench.tables": "bench.results.tables",
}


def todays_module(name: str) -> str | None:
    """Return where a module of 0.1 is today, None where it has not moved.

    >>> todays_module("bench.layers.normalisation"), todays_module("bench.models.network"), todays_module("bench.suite")
    ('bench.domains.plane.layers.normalisation', 'bench.networks.network', None)
    """
    for former, today in MOVED.items():
        if name == former or name.startswith(f"{former}."):
            moved = today + name.removeprefix(former)
            return moved if moved != name else None
    return None


class _Finder(MetaPathFinder, Loader):
    """Finds moved modules under their former names; each is the module of today itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if todays_module(fullname) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(str(todays_module(spec.name)))
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module has been run under the name of today, and keeps it."""
        module.__spec__ = self._own


_FINDER = _Finder()


def understand() -> None:
    """Let imports by former names find what they name."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
