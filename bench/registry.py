"""Names to factories, for everything that a suite file can name.

A family or a data set is one file that registers itself::

    @families.register("cnn", options=Options, version=1)
    def build(options: Options, shape: Shape, width: float) -> Network:
        \"\"\"One line, which `equivaug list` prints.\"\"\"
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import iter_modules
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

    def __init__(self, kind: str, *, package: str | None = None, folder: str | None = None) -> None:
        self.kind = kind
        self._package, self._folder = package, folder
        self._entries: dict[str, E] = {}
        self._is_loaded = False

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
        """Import every module of the package, or of the folder of every domain, so that a new file is all it needs."""
        if self._is_loaded:
            return
        names = [self._package] if self._package else []
        if self._folder:
            domains = importlib.import_module("bench.domains")
            folders = [Path(place) / each.name for place in domains.__path__ for each in iter_modules(domains.__path__)]
            names += [f"bench.domains.{path.name}.{self._folder}" for path in folders if (path / self._folder).is_dir()]
        for name in names:
            package = importlib.import_module(name)
            for module in iter_modules(package.__path__):
                importlib.import_module(f"{name}.{module.name}")
        self._is_loaded = True


def _listed(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


@dataclass(frozen=True)
class Family(Entry):
    """A registered family: the domains whose inputs it takes, and the tasks that it does.

    What it promises is tested for every family: ``kinds`` are options of networks that differ in their layers;
    ``exact`` says that the law of every layer holds but for rounding at elements that take points to points; ``least``
    is the side of the smallest input, 0 where inputs have none.
    """

    domains: frozenset[str]
    tasks: frozenset[str]
    kinds: tuple[Mapping[str, Any], ...] = field(default=({},), compare=False)
    exact: bool = False
    least: int = 0

    def refusal(self, domain: str, task: str) -> str | None:
        """Return why it cannot be trained on such data, None where it can."""
        if domain not in self.domains:
            return f"{self.name} takes inputs of the domain {_listed(self.domains)}, not of {domain}"
        if task not in self.tasks:
            return f"{self.name} does {_listed(self.tasks)}, not {task}"
        return None


@dataclass(frozen=True)
class DataEntry(Entry):
    """A registered data set: the domain of its inputs and what is asked about them, known without loading it.

    ``group`` is what moves its inputs where a suite does not say, None for the domain's default.
    """

    domain: str
    task: str
    group: str | None

    @property
    def files(self) -> tuple[Any, ...]:
        """The files that it is made from, which are to be downloaded: what its module calls ``FILES``."""
        return tuple(getattr(importlib.import_module(self.make.__module__), "FILES", ()))

    @property
    def package(self) -> str | None:
        """The package that it is read from, which not every installation has: what its module calls ``PACKAGE``."""
        name: str | None = getattr(importlib.import_module(self.make.__module__), "PACKAGE", None)
        return name

    @property
    def comes_along(self) -> bool:
        """Whether it is here with the installation: it needs no file, no option, and no package that is missing."""
        asks = self.files or any(field.is_required() for field in self.options.model_fields.values())
        return not asks and (self.package is None or importlib.util.find_spec(self.package) is not None)


class Families(Catalogue[Family]):
    """The families: functions of (options, shape, width) that return a `bench.networks.network.Network`."""

    def register(
        self,
        name: str,
        *,
        options: type[Options] = Options,
        version: int,
        domains: Collection[str] = ("plane",),
        tasks: Collection[str] = ("classification",),
        kinds: Iterable[Mapping[str, Any]] = ({},),
        exact: bool = False,
        least: int = 0,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate the factory of ``name``."""
        declared = frozenset(domains), frozenset(tasks), tuple(kinds), exact, least
        return self._add(name, lambda make: Family(name, options, make, version, *declared))


class Datasets(Catalogue[DataEntry]):
    """The data sets: functions of options that return a `bench.data.dataset.Dataset`."""

    def register(
        self,
        name: str,
        *,
        options: type[Options] = Options,
        version: int,
        domain: str = "plane",
        task: str = "classification",
        group: str | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate the loader of ``name``."""
        return self._add(name, lambda make: DataEntry(name, options, make, version, domain, task, group))


@dataclass(frozen=True)
class Measurement(Entry):
    """A registered measurement: whether it also runs before training, and whether a suite has it without asking.

    ``tasks`` are those that it can measure, None for all of them.
    """

    at_init: bool
    by_default: bool
    tasks: frozenset[str] | None

    def takes(self, task: str) -> bool:
        """Whether it can measure networks of a task."""
        return self.tasks is None or task in self.tasks


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
        tasks: Collection[str] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate the measurement ``name``."""
        of_tasks = None if tasks is None else frozenset(tasks)
        return self._add(name, lambda make: Measurement(name, options, make, version, at_init, by_default, of_tasks))


families = Families("family", folder="models")
datasets = Datasets("data set", folder="data")
measurements = Measurements("measurement", package="bench.measure")


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
