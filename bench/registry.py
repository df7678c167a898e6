"""Names to factories, for everything that a suite file can name.

A family or a data set is one file that registers itself::

    @families.register("cnn", options=Options, version=1)
    def build(options: Options, shape: Shape, width: float) -> Network:
        \"\"\"One line, which `equivaug list` prints.\"\"\"
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from bench.errors import UserError, nearest


class Options(BaseModel):
    """Options of a registered thing: typed, with defaults, unknown keys refused; each field has a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Entry:
    """One registered thing.

    ``version`` enters the identity of every cell that uses it: raise it when a change of the code changes results.
    """

    name: str
    options: type[Options]
    make: Callable[..., Any]
    version: int

    @property
    def summary(self) -> str:
        """The first line of the factory's docstring."""
        return (self.make.__doc__ or "").strip().splitlines()[0]


E = TypeVar("E", bound=Entry)


class Catalogue(Generic[E]):
    """A table of entries of one kind; refuses duplicates, answers an unknown name with the nearest known one."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, E] = {}

    def _add(
        self, name: str, entry: Callable[[Callable[..., Any]], E]
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def add(make: Callable[..., Any]) -> Callable[..., Any]:
            if name in self._entries:
                raise ValueError(f"the {self.kind} '{name}' is registered twice")
            self._entries[name] = entry(make)
            return make

        return add

    def replace(self, entry: E) -> None:
        """Put another entry in the place of the one of its name."""
        self._entries[entry.name] = entry

    def __getitem__(self, name: str) -> E:
        self._load()
        if name not in self._entries:
            raise UserError(f"unknown {self.kind} '{name}'{nearest(name, self._entries)}")
        return self._entries[name]

    def __contains__(self, name: str) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[E]:
        self._load()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def _load(self) -> None:
        """Import every module of the package, so that a new file is all that a new entry needs."""
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")


class Registry(Catalogue[Entry]):
    """The families, or the data sets."""

    def register(
        self, name: str, *, options: type[Options] = Options, version: int
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate the factory of ``name``."""
        return self._add(name, lambda make: Entry(name, options, make, version))


@dataclass(frozen=True)
class Measurement(Entry):
    """A registered measurement: whether it also runs before training, and whether a suite has it without asking."""

    at_init: bool
    by_default: bool


class Measurements(Catalogue[Measurement]):
    """The measurements: functions of (options, network, inputs) that return a `bench.measure.inputs.Measured`."""

    def register(
        self,
        name: str,
        *,
        options: type[Options] = Options,
        version: int,
        at_init: bool = False,
        by_default: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate the measurement ``name``."""
        return self._add(name, lambda make: Measurement(name, options, make, version, at_init, by_default))


families = Registry("family", "bench.models")
datasets = Registry("data set", "bench.data")
measurements = Measurements("measurement", "bench.measure")


def registered_in_main() -> list[str]:
    """Return the names of what the running script, or notebook, has registered itself.

    Workers that run the script again know it by another name.
    """
    return [
        name
        for catalogue in (families, datasets, measurements)
        for name, entry in catalogue._entries.items()
        if entry.make.__module__ in ("__main__", "__mp_main__")
    ]
