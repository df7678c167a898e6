"""Finished cells on disk: one atomic shard per cell, whose name tells whether the cell is done.

A shard is written beside its place, flushed to the disk and renamed, so that a shard exists whole or not at all; a
checksum finds what a disk or a person changed later. ``<cell_id>.json`` is a result that stands;
``<cell_id>.<status>.json`` is a failure that the next run replaces.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.atomic import write_atomically
from bench.cell import Cell
from bench.errors import UserError
from bench.results.upgrade import SCHEMA_VERSION, upgraded, upgraded_axes

#: Outcomes that are results, and those that the next run tries again.
STANDING = ("done", "diverged", "skipped")
RETRIED = ("failed", "oom", "timeout", "infra")


@dataclass(frozen=True)
class Record:
    """What one cell gave: the row of ``runs`` (at least ``status`` and ``reason``) and the rows of the other tables.

    Rows come without the axes: the store adds them.
    """

    cell_id: str
    run: dict[str, Any]
    curves: list[dict[str, Any]]
    equivariance: list[dict[str, Any]]

    @property
    def status(self) -> str:
        return str(self.run["status"])

    @classmethod
    def without_result(cls, cell: Cell, status: str, reason: str) -> Record:
        """Return the record of a cell that gave nothing but a reason."""
        return cls(cell.cell_id, {"status": status, "reason": reason}, [], [])


@dataclass(frozen=True)
class Shard:
    """A record with the columns that every table carries."""

    axes: dict[str, Any]
    record: Record


class Store:
    """The shards of one results folder."""

    def __init__(self, results: Path) -> None:
        self.folder = results / "cells"

    def scan(self) -> dict[str, str]:
        """Return the status of every cell that has a shard, ``standing`` for results; reads names, not files."""
        status_of: dict[str, str] = {}
        for name in self._names():
            if not name["temporary"] and status_of.get(name["cell_id"]) != "standing":
                status_of[name["cell_id"]] = name["status"] or "standing"
        return status_of

    def write(self, cell: Cell, record: Record) -> None:
        """Write a cell's shard in one step and remove what it replaces; UserError if the disk refuses."""
        self.keep(Shard(cell.axes(), record))

    def keep(self, shard: Shard) -> None:
        """Write a shard that already has its axes."""
        record = shard.record
        content = {"axes": shard.axes, "run": record.run, "curves": record.curves, "equivariance": record.equivariance}
        name = _name(record.cell_id, record.status)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / name, _framed(json.dumps(_finite(content), allow_nan=False).encode()))
            for status in ("standing", *RETRIED):
                other = self.folder / _name(record.cell_id, status)
                if other.name != name:
                    other.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder / name} cannot be written: {error.strerror}") from error

    def read(self, cell_id: str, status: str = "standing") -> Shard | None:
        """Return one shard, None if it is not what was written; UserError if a newer version wrote it."""
        body_and_version = self._body(cell_id, status)
        if body_and_version is None:
            return None
        body, version = body_and_version
        content = json.loads(body)
        strength = content["axes"]["strength"]
        curves, equivariance = (
            [upgraded(row, strength, version) for row in content[name]] for name in ("curves", "equivariance")
        )
        record = Record(cell_id, upgraded(content["run"], strength, version), curves, equivariance)
        return Shard(upgraded_axes(content["axes"], version), record)

    def shards(self) -> tuple[list[Shard], list[str]]:
        """Return every shard, by cell_id, and the cell_ids of those that are damaged."""
        shard_of = {cell_id: self.read(cell_id, status) for cell_id, status in sorted(self.scan().items())}
        whole = [shard for shard in shard_of.values() if shard is not None]
        return whole, [cell_id for cell_id, shard in shard_of.items() if shard is None]

    def damaged(self) -> list[str]:
        """Return the cell_ids of standing shards that are not what was written; checks each without parsing it."""
        standing = [cell_id for cell_id, status in self.scan().items() if status == "standing"]
        return [cell_id for cell_id in standing if self._body(cell_id, "standing") is None]

    def relabel(self, cells: Iterable[Cell]) -> None:
        """Give standing shards the labels that the suite has now: a label is no part of a cell's identity."""
        for cell in cells:
            old = self.read(cell.cell_id)
            if old is None:
                continue
            axes = {**cell.axes(), "group": old.axes["group"]}
            if axes != old.axes:
                self.keep(Shard(axes, old.record))

    def clear(self, all_shards: bool) -> None:
        """Remove what interrupted writes left, and every shard if asked."""
        for name in self._names():
            if all_shards or name["temporary"]:
                (self.folder / name.string).unlink()

    def _names(self) -> list[re.Match[str]]:
        """Return the names of the files that are the store's own; what else lies in the folder is left alone."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            return [name for entry in entries if (name := _NAME.fullmatch(entry.name))]
        return []

    def _body(self, cell_id: str, status: str) -> tuple[bytes, int] | None:
        """Return the checked bytes of a shard and their schema version, None if they are not this cell's."""
        body_and_version = _body(self.folder / _name(cell_id, status))
        return body_and_version if body_and_version and body_and_version[0].startswith(_beginning(cell_id)) else None


_NAME = re.compile(
    rf"(?P<cell_id>[0-9a-f]{{20}})(?:\.(?P<status>{'|'.join(RETRIED)}))?\.json(?P<temporary>\.\d+\.tmp)?"
)


def _name(cell_id: str, status: str) -> str:
    return f"{cell_id}.{status}.json" if status in RETRIED else f"{cell_id}.json"


_BODY = b', "shard": '


def _framed(body: bytes) -> bytes:
    """Return a shard's file: JSON whose checksum covers the bytes of its last value."""
    head = f'{{"schema": {SCHEMA_VERSION}, "checksum": "{_checksum(body)}"'
    return head.encode() + _BODY + body + b"}\n"


def _beginning(cell_id: str) -> bytes:
    """Return how a shard's content begins: a shard under another cell's name is not that cell's."""
    return json.dumps({"axes": {"cell_id": cell_id}}).removesuffix("}}").encode()


def _body(path: Path) -> tuple[bytes, int] | None:
    """Return the checked bytes of a shard's last value and its schema version; None if they were changed."""
    try:
        head, _, rest = path.read_bytes().partition(_BODY)
        envelope = json.loads(head + b"}")
    except (OSError, ValueError):
        return None
    body = rest.removesuffix(b"}\n")
    if body == rest or envelope.get("checksum") != _checksum(body) or not isinstance(envelope.get("schema"), int):
        return None
    if envelope["schema"] > SCHEMA_VERSION:
        raise UserError(f"{path} was written by a newer version of equivaug; update to read it")
    return body, envelope["schema"]


def _checksum(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _finite(value: Any) -> Any:
    """Return a value with null for what JSON cannot say: the tables show NaN and infinity as missing."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    # a number of numpy or torch has the number itself as its item
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
