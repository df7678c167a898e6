"""The three tidy tables that every figure and every analysis reads: built from shards, written, read, merged.

Parquet is the truth and carries the schema's version; the CSV beside it is for people. A missing number is NaN.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.parquet as parquet

from bench.atomic import write_atomically
from bench.errors import UserError
from bench.results.columns import AXES, BITS, COLUMNS, ORDER, WALL_CLOCK
from bench.results.store import STANDING, Shard, Store
from bench.results.upgrade import SCHEMA_VERSION, upgraded, upgraded_axes


@dataclass(frozen=True)
class Tables:
    """One row per cell, per evaluation during training, and per measured group element; each carries the axes."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    equivariance: pd.DataFrame


NAMES = tuple(field.name for field in fields(Tables))


def build(shards: Iterable[Shard]) -> Tables:
    """Return the tables of shards; keys of ``runs`` that the schema does not know become columns too."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for shard in shards:
        rows["runs"].append({**shard.axes, **shard.record.run})
        rows["curves"] += [{**shard.axes, **row} for row in shard.record.curves]
        rows["equivariance"] += [{**shard.axes, **row} for row in shard.record.equivariance]
    return Tables(**{name: typed(name, pd.DataFrame(rows[name])) for name in NAMES})


def rebuild(results: Path) -> tuple[Tables, list[str]]:
    """Write the tables of a results folder's shards; return them, and the cell_ids of damaged shards, left out."""
    shards, damaged = Store(results).shards()
    tables = build(shards)
    write(tables, results)
    return tables, damaged


def write(tables: Tables, results: Path) -> None:
    """Write every table as Parquet and CSV, each file in one step; UserError if the disk refuses."""
    results.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        frame: pd.DataFrame = getattr(tables, name)
        table = arrow.Table.from_pandas(frame, preserve_index=False)
        metadata = json.dumps({"table": name, "schema": SCHEMA_VERSION}).encode()
        buffer = io.BytesIO()
        parquet.write_table(
            table.replace_schema_metadata({**(table.schema.metadata or {}), _METADATA: metadata}),
            buffer,
            compression="zstd",
        )
        try:
            write_atomically(results / f"{name}.parquet", buffer.getvalue())
            write_atomically(results / f"{name}.csv", _readable(frame).encode())
        except OSError as error:
            raise UserError(f"the table {results / name} cannot be written: {error.strerror}") from error


def _readable(frame: pd.DataFrame) -> str:
    """Return a table as CSV, without the columns that only a program can read."""
    return str(frame.drop(columns=BITS, errors="ignore").to_csv(index=False, lineterminator="\n"))


def read(results: Path) -> Tables:
    """Return the tables of a results folder, of this or any earlier schema version; UserError if it has none."""
    frames = {}
    for name in NAMES:
        path = results / f"{name}.parquet"
        frame = _read(path, results)
        try:
            frames[name] = typed(name, frame)
        except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
            first = getattr(error, "schema_errors", [error])[0]
            raise UserError(
                f"{path}: the column '{first.schema.name}' is missing or holds values of another type; "
                f"`equivaug tables {results}` writes it anew"
            ) from error
    return Tables(**frames)


def merge(sources: Iterable[Path], into: Path) -> Tables:
    """Write to ``into`` every cell of the ``sources``, once, and return the tables.

    Where sources share a cell, a result stands before a failure. UserError names a cell with two different results,
    `WALL_CLOCK` columns aside.
    """
    merged: dict[str, Shard] = {}
    for source in sources:
        shards, damaged = Store(source).shards()
        if damaged:
            raise UserError(f"{source} has a damaged shard, cell {damaged[0]}; run its suite again to mend it")
        for shard in shards:
            cell_id = shard.record.cell_id
            known = merged.get(cell_id)
            both_stand = known is not None and {known.record.status, shard.record.status} <= set(STANDING)
            if known is not None and both_stand and outcome(known) != outcome(shard):
                raise UserError(f"cell {cell_id} ({shard.axes['label']}) has another result in {source}")
            if known is None or known.record.status not in STANDING:
                merged[cell_id] = shard
    store = Store(into)
    for shard in merged.values():
        store.keep(shard)
    return rebuild(into)[0]


def outcome(shard: Shard) -> Any:
    """Return what a cell gave, without the clock: equal for every run of the cell on one machine."""
    record = shard.record
    return [
        {key: value for key, value in row.items() if key not in WALL_CLOCK}
        for row in (record.run, *record.curves, *record.equivariance)
    ]


_METADATA = b"equivaug"


def _read(path: Path, results: Path) -> pd.DataFrame:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{results} is not a results folder with tables: it has no {path.name}") from error
    try:
        table = parquet.read_table(io.BytesIO(content))
        version = json.loads((table.schema.metadata or {})[_METADATA])["schema"]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a table of equivaug; `equivaug tables {results}` writes it anew") from error
    if version > SCHEMA_VERSION:
        raise UserError(f"{path} has schema version {version}; this version of equivaug reads up to {SCHEMA_VERSION}")
    frame: pd.DataFrame = table.to_pandas()
    return frame if version == SCHEMA_VERSION else _upgraded(frame, version)


def _upgraded(frame: pd.DataFrame, version: int) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [upgraded_axes(row, version) for row in _records(frame)]
    whole: pd.DataFrame = pd.DataFrame([upgraded(row, row.get("strength", math.nan), version) for row in rows])
    return whole


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every column of its schema, typed and in order, then the columns that it does not know."""
    known = {**AXES, **COLUMNS[name]}
    unknown = sorted(set(frame.columns) - set(known))
    whole = frame.reindex(columns=[*known, *unknown])
    ordered = whole.sort_values(list(ORDER), kind="stable", ignore_index=True)
    checked: pd.DataFrame = schema(name).validate(ordered)
    return checked


@cache
def schema(name: str) -> pa.DataFrameSchema:
    """Return the pandera schema of one table; columns that it does not name are allowed."""
    required = {*AXES, "status", *(column for column, kind in COLUMNS[name].items() if kind in (int, bool))}
    return pa.DataFrameSchema(
        {
            column: pa.Column(kind, nullable=column not in required, coerce=True)
            for column, kind in {**AXES, **COLUMNS[name]}.items()
        },
        strict=False,
    )
