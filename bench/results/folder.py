"""A results folder: whose it is, that no two runs share it, and starting it over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

import bench
from bench.atomic import write_atomically
from bench.cell import Cell
from bench.errors import UserError
from bench.results.store import Store
from bench.suite import yamlfile

if TYPE_CHECKING:
    from bench.results.tables import Tables
    from bench.suite import Suite

SUITE = "suite.yaml"
LOCK = ".lock"
SNAPSHOTS = "snapshots"
TABLES = tuple(f"{table}.{kind}" for table in ("runs", "curves", "equivariance") for kind in ("parquet", "csv"))


def check(results: Path, suite: Suite) -> None:
    """Raise UserError if a folder exists that is not this suite's results; touches nothing."""
    if results.exists() and not results.is_dir():
        raise UserError(f"{results} is a file; --out names a folder")
    if not results.is_dir() or not _content(results):
        return
    if not (results / SUITE).is_file():
        what = "holds cells of no one suite" if (results / "cells").is_dir() else "is not empty and no results folder"
        raise UserError(f"{results} {what}; give --out another folder")
    if not (results / SUITE).read_bytes().startswith(_MARK.encode()):
        raise UserError(f"{results / SUITE} was not written by equivaug and would be lost; give --out another folder")
    owner = yamlfile.read(results / SUITE)
    name = owner.get("name") if isinstance(owner, dict) else None
    if name != suite.name:
        raise UserError(f"{results} holds the results of suite '{name}', not '{suite.name}'; give --out another folder")


def check_cells(results: Path, present: set[str], planned: set[str]) -> None:
    """Raise UserError if the folder holds cells that the suite does not have any more; a suite that grew is fine."""
    foreign = sorted(present - planned)
    if foreign:
        raise UserError(
            f"{results} holds {len(foreign)} cells that this suite does not have (such as {foreign[0]}): the suite, "
            "its data or the code changed; give --out another folder, or --fresh to start over"
        )


def check_readable(results: Path) -> None:
    """Raise UserError if the folder has no shards to read."""
    if not (results / "cells").is_dir():
        raise UserError(f"{results} has no folder 'cells' with finished cells to read; `equivaug run` makes it")


@contextlib.contextmanager
def opened(results: Path, suite: Suite, standing: Iterable[Cell], fresh: bool) -> Iterator[Store]:
    """Hold the folder for one run: make it, lock it, start it over if ``fresh``, and write down the suite.

    The cells that are ``standing`` get the labels that the suite has now. UserError if the folder cannot be written, or
    if another run holds it.
    """
    store = Store(results)
    written = dumped(suite).encode()
    with contextlib.ExitStack() as held:
        try:
            store.folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(results / LOCK, timeout=0))
            store.clear(all_shards=fresh)
            for name in TABLES if fresh else ():
                (results / name).unlink(missing_ok=True)
            for snapshot in (results / SNAPSHOTS).glob("*.pt") if fresh else ():
                snapshot.unlink()
            if not (results / SUITE).is_file() or (results / SUITE).read_bytes() != written:
                store.relabel(standing)
                write_atomically(results / SUITE, written)
        except Timeout as error:
            raise UserError(
                f"another run is writing to {results}; wait for it, or give --out another folder"
            ) from error
        except OSError as error:
            raise UserError(f"{error.filename or results} cannot be written: {error.strerror}") from error
        yield store


def merge(sources: Sequence[Path], into: Path) -> Tables:
    """Write to a new folder every cell of the ``sources``, as `bench.results.tables.merge`; return the tables.

    The folder belongs to a suite, so that its run can go on there, only where all sources hold the same suite.
    """
    from bench.results import tables

    if into.exists() and (not into.is_dir() or _content(into)):
        raise UserError(f"{into} exists already; name a new folder for the merged results")
    for source in sources:
        check_readable(source)
    merged = tables.merge(sources, into)
    suites = {(source / SUITE).read_bytes() if (source / SUITE).is_file() else b"" for source in sources}
    if len(suites) == 1 and b"" not in suites:
        write_atomically(into / SUITE, suites.pop())
    return merged


def dumped(suite: Suite) -> str:
    """Return a suite as a suite file, with its overrides applied and a mark that tells whose file it is."""
    mark = f"{_MARK} {bench.__version__} to say what the cells in this folder are; every run writes it anew\n"
    return mark + yamlfile.dumped(suite.model_dump(mode="json"))


_MARK = "# written by equivaug"


def _content(results: Path) -> list[Path]:
    """Return what lies in a folder, without what a run that was killed at once has left."""
    return [
        path
        for path in results.iterdir()
        if path.name != LOCK and path.suffix != ".tmp" and not (path.name == "cells" and not any(path.iterdir()))
    ]
