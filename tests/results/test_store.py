"""Shards and tables: whole or not there, the same whatever the order, and readable for ever."""

from __future__ import annotations

import errno
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench.atomic import write_atomically
from bench.errors import UserError
from bench.results import columns, folder, tables
from bench.results.store import RETRIED, STANDING, Record, Store
from bench.results.upgrade import SCHEMA_VERSION
from tests.fakes import make_cell, make_record

FIXTURES = Path(__file__).parents[1] / "fixtures"
STATUSES = (*STANDING, *RETRIED)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
rows = st.dictionaries(st.text(min_size=1, max_size=8), values | st.text(max_size=8), max_size=4)
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def filled(results: Path, count: int = 4) -> Store:
    store = Store(results)
    for cell in [make_cell(seed) for seed in range(count)]:
        store.write(cell, make_record(cell))
    return store


@in_a_folder
@given(run=rows, curves=st.lists(rows, max_size=3), equivariance=st.lists(rows, max_size=3))
def test_a_shard_reads_as_it_was_written(
    run: dict[str, Any], curves: list[dict[str, Any]], equivariance: list[dict[str, Any]], tmp_path: Path
) -> None:
    cell = make_cell()
    record = Record(cell.cell_id, {**run, "status": "done", "reason": None}, curves, equivariance)
    store = Store(tmp_path)
    store.write(cell, record)
    shard = store.read(cell.cell_id)
    assert shard is not None
    assert shard.record == record
    assert shard.axes == cell.axes()


@in_a_folder
@given(place=st.integers(0), cut=st.booleans())
@example(place=-1, cut=True)
@example(place=-2, cut=True)
@example(place=-3, cut=True)
def test_a_shard_that_was_cut_or_changed_is_damaged(place: int, cut: bool, tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    cell_id = make_cell(0).cell_id
    store.write(make_cell(0), Record.without_result(make_cell(0), "skipped", "a reason"))
    path = store.folder / f"{cell_id}.json"
    content = path.read_bytes()
    place %= len(content)
    path.write_bytes(content[:place] if cut else content[:place] + b"#" + content[place + 1 :])
    assert store.read(cell_id) is None
    assert store.damaged() == [cell_id]
    shards, damaged = store.shards()
    assert damaged == [cell_id]
    assert [shard.record.cell_id for shard in shards] == [make_cell(1).cell_id]


def test_a_shard_under_another_cells_name_is_damaged(tmp_path: Path) -> None:
    store = filled(tmp_path, 1)
    one, other = (store.folder / f"{make_cell(seed).cell_id}.json" for seed in (0, 1))
    shutil.copy(one, other)
    assert store.damaged() == [make_cell(1).cell_id]
    assert store.shards()[1] == [make_cell(1).cell_id]


@pytest.mark.parametrize("status", STATUSES)
def test_the_name_of_a_shard_tells_whether_the_cell_is_done(status: str, tmp_path: Path) -> None:
    cell = make_cell()
    store = Store(tmp_path)
    store.write(cell, Record.without_result(cell, status, "a reason"))
    assert store.scan() == {cell.cell_id: "standing" if status in STANDING else status}


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_a_shard_replaces_the_one_before(before: str, after: str, tmp_path: Path) -> None:
    cell = make_cell()
    store = Store(tmp_path)
    for status in (before, after):
        store.write(cell, Record.without_result(cell, status, "a reason"))
    shards, damaged = store.shards()
    assert ([shard.record.status for shard in shards], damaged) == ([after], [])
    assert len(list(store.folder.iterdir())) == 1


def test_files_that_are_no_shards_are_not_counted(tmp_path: Path) -> None:
    store = filled(tmp_path, 1)
    own = make_cell(0).cell_id
    left = store.folder / f"{own}.json.123.tmp"
    foreign = {"notes.json", "x.json.123.tmp", f"{own}.better.json", "runs.csv", ".json.swp"}
    for name in (left.name, *foreign):
        (store.folder / name).write_text("{}")
    assert store.scan() == {own: "standing"}
    store.clear(all_shards=False)
    assert not left.exists()
    assert store.scan() == {own: "standing"}
    store.clear(all_shards=True)
    assert {path.name for path in store.folder.iterdir()} == foreign


def test_what_json_cannot_say_is_missing_and_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    cell = make_cell()
    Store(tmp_path).write(cell, make_record(cell, lr=np.float32(0.5), test_loss=math.nan, validation_loss=math.inf))
    run = tables.rebuild(tmp_path)[0].runs.iloc[0]
    assert run["lr"] == 0.5
    assert math.isnan(run["test_loss"])
    assert math.isnan(run["validation_loss"])


def test_a_shard_of_a_newer_version_asks_for_an_update(tmp_path: Path) -> None:
    store = filled(tmp_path, 1)
    path = next(store.folder.iterdir())
    path.write_bytes(path.read_bytes().replace(b'{"schema": 2', b'{"schema": 99'))
    with pytest.raises(UserError, match="newer version of equivaug"):
        store.shards()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.csv"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("bench.results.store.os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("runs.csv", b"old")]


def test_a_disk_that_refuses_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cells").write_text("a file in the way")
    with pytest.raises(UserError, match="cannot be written"):
        filled(tmp_path, 1)


def test_labels_follow_the_suite_and_results_stay(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    store.relabel([make_cell(0, label="new name", group=""), make_cell(5)])
    runs = tables.rebuild(tmp_path)[0].runs.set_index("seed")
    assert runs.loc[0, "label"] == "new name"
    assert runs.loc[0, "group"] == "C1"
    assert runs.loc[1, "label"] == "fake"
    assert len(runs) == 2


def test_tables_have_every_column_typed_and_one_order(tmp_path: Path) -> None:
    cells = [
        make_cell(seed, label, family=label, strength=s) for seed in (1, 0) for label in ("b", "a") for s in (1.0, 0.0)
    ]
    for name, order in (("one", cells), ("other", cells[::-1])):
        for cell in order:
            Store(tmp_path / name).write(
                cell, make_record(cell, train_seconds=1.0, finished_at="", extra=7, curious="x")
            )
    one, other = (tables.rebuild(tmp_path / name)[0] for name in ("one", "other"))
    for name in tables.NAMES:
        found = getattr(one, name).columns
        known = [*columns.AXES, *columns.COLUMNS[name]]
        assert list(found[: len(known)]) == known
        same = (tmp_path / side / f"{name}.parquet" for side in ("one", "other"))
        if name != "curves":  # its seconds are the clock's
            assert len({path.read_bytes() for path in same}) == 1
    assert list(one.runs.columns[-2:]) == ["curious", "extra"]
    assert one.runs["parameters"].dtype == "float64"
    assert list(zip(one.runs["label"], one.runs["strength"], one.runs["seed"], strict=True)) == [
        (label, strength, seed) for label in "ab" for strength in (0.0, 1.0) for seed in (0, 1)
    ]
    assert len(other.curves) == 2 * len(cells)


def test_tables_read_as_they_were_written_and_say_their_version(tmp_path: Path) -> None:
    filled(tmp_path)
    built, _ = tables.rebuild(tmp_path)
    read = tables.read(tmp_path)
    for name in tables.NAMES:
        pd.testing.assert_frame_equal(getattr(read, name), getattr(built, name))
        file = parquet.ParquetFile(tmp_path / f"{name}.parquet")
        assert json.loads(file.schema_arrow.metadata[b"equivaug"]) == {"table": name, "schema": SCHEMA_VERSION}
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
        assert len(pd.read_csv(tmp_path / f"{name}.csv")) == len(getattr(built, name))


def test_tables_without_rows_still_have_their_columns(tmp_path: Path) -> None:
    tables.write(tables.build([]), tmp_path)
    read = tables.read(tmp_path)
    assert list(read.runs.columns) == [*columns.AXES, *columns.COLUMNS["runs"]]
    assert read.runs.empty


def test_a_value_of_another_type_is_refused() -> None:
    cell = make_cell()
    frame = tables.build([]).runs
    row = pd.DataFrame([{**cell.axes(), "status": "done", "test_score": "high"}])
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match="test_score"):
        tables.schema("runs").validate(row.reindex(columns=frame.columns))


@pytest.mark.parametrize("version", [1])
def test_tables_of_every_past_version_load(version: int) -> None:
    read = tables.read(FIXTURES / f"results-v{version}")
    assert list(read.runs["status"]) == ["done", "done", "skipped", "failed"]
    assert list(read.runs["test_score"].notna()) == [True, True, False, False]
    assert len(read.curves) == 4
    assert set(read.equivariance["stage"]) == {"init", "trained"}
    assert set(zip(read.runs["domain"], read.runs["task"], read.runs["score"], strict=True)) == {
        ("plane", "classification", "accuracy")
    }
    assert set(read.equivariance["kind"]) <= {"rotation", "mirrored rotation"}
    assert read.equivariance["unit"].eq("degrees").all()
    built = tables.build(Store(FIXTURES / f"results-v{version}").shards()[0])
    pd.testing.assert_frame_equal(built.runs, read.runs, check_like=True)
    assert not {"test_accuracy", "images_per_second", "degrees", "mirror"} & {*built.runs, *built.equivariance}
    shards, damaged = Store(FIXTURES / f"results-v{version}").shards()
    assert (len(shards), damaged) == (4, [])


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but no table"])
def test_a_folder_without_tables_is_told_in_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "runs.parquet").write_bytes(content)
    with pytest.raises(UserError) as caught:
        tables.read(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_foreign_parquet_file_is_no_table(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "runs.parquet")
    with pytest.raises(UserError, match="is not a table of equivaug"):
        tables.read(tmp_path)


@pytest.mark.parametrize("column", ["seed", "label", "status"])
def test_a_table_without_a_column_that_it_must_have_is_told_in_one_sentence(column: str, tmp_path: Path) -> None:
    filled(tmp_path)
    tables.rebuild(tmp_path)
    table = parquet.read_table(tmp_path / "runs.parquet")
    parquet.write_table(table.drop_columns(column), tmp_path / "runs.parquet")
    with pytest.raises(UserError, match=f"runs.parquet: the column '{column}' is missing") as caught:
        tables.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_merging_keeps_each_cell_once(tmp_path: Path) -> None:
    a, b = filled(tmp_path / "a", 3), filled(tmp_path / "b", 4)
    lone = make_cell(9)
    b.write(lone, Record.without_result(lone, "failed", "no memory"))
    shared = make_cell(0)
    a.write(shared, Record.without_result(shared, "oom", "too large"))
    merged = folder.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "into")
    runs = merged.runs.set_index("seed")
    assert list(runs.index) == [0, 1, 2, 3, 9]
    assert list(runs["status"]) == ["done"] * 4 + ["failed"]
    pd.testing.assert_frame_equal(tables.read(tmp_path / "into").runs, merged.runs)


def test_merging_names_a_cell_with_two_results(tmp_path: Path) -> None:
    filled(tmp_path / "a", 3)
    cell = make_cell(1)
    filled(tmp_path / "b", 3).write(cell, make_record(cell, test_score=0.123))
    with pytest.raises(UserError, match=f"cell {cell.cell_id} .* has another result in .*b"):
        folder.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_merging_takes_only_results_and_only_into_a_new_folder(tmp_path: Path) -> None:
    filled(tmp_path / "a", 1)
    with pytest.raises(UserError, match="has no folder 'cells'"):
        folder.merge([tmp_path / "a", tmp_path], tmp_path / "into")
    shutil.copytree(tmp_path / "a", tmp_path / "into")
    with pytest.raises(UserError, match="exists already"):
        folder.merge([tmp_path / "a"], tmp_path / "into")
