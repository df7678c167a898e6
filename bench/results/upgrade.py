"""What earlier versions wrote, brought to the schema of today: columns get other names, no number changes.

A step takes the axes and the columns of one row from a schema version to the next; it serves shards and tables alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Of shards and tables; raised when a column gets another name or another meaning.
SCHEMA_VERSION = 2

Row = dict[str, Any]


def upgraded_axes(axes: Mapping[str, Any], version: int) -> Row:
    """Return the axes of a cell that a schema version wrote."""
    row = dict(axes)
    for step in range(version, SCHEMA_VERSION):
        row = _AXES[step](row)
    return row


def upgraded(columns: Mapping[str, Any], strength: float, version: int) -> Row:
    """Return a row of any table without its axes, of a cell with this strength, that a schema version wrote."""
    row = dict(columns)
    for step in range(version, SCHEMA_VERSION):
        row = _COLUMNS[step](row, strength)
    return row


def _axes_to_2(axes: Row) -> Row:
    """All was the plane and classification; resampling, crop and seeding were not axes from the beginning."""
    since_then = {"resampling": "bilinear", "crop": "none", "seeding": ""}
    known = {axis: value for axis, value in axes.items() if not _is_missing(value)}
    return {**axes, **since_then, **known, "domain": "plane", "task": "classification", "score": "accuracy"}


def _columns_to_2(columns: Row, strength: float) -> Row:
    row = {_NAMES_2.get(name, name): value for name, value in columns.items()}
    if "mirror" in row:
        row["kind"] = _kind(row.pop("mirror"), row["magnitude"])
        row["unit"] = None if row["kind"] == "flow" else "degrees"
    # early cells left out what their own augmentation, of strength 1 or 0, already tells
    for column, own in (("transformed_validation_score", 1), ("upright_validation_score", 0)):
        if strength == own and "validation_score" in row and _is_missing(row.get(column)):
            row[column] = row["validation_score"]
    return row


_NAMES_2 = {
    **{
        f"{kind}_accuracy": f"{kind}_score"
        for kind in (
            "test",
            "transformed",
            "exact",
            "resampled",
            "chance",
            "validation",
            "upright_validation",
            "transformed_validation",
        )
    },
    **{f"{kind}_nll": f"{kind}_loss" for kind in ("test", "transformed", "validation")},
    "images_per_second": "examples_per_second",
    "flops_per_image": "flops_per_example",
    "training_flops_per_image": "training_flops_per_example",
    "degrees": "magnitude",
}


def _kind(mirror: bool, degrees: float | None) -> str:
    if _is_missing(degrees):
        return "flow"
    return "mirrored rotation" if mirror else "rotation"


def _is_missing(value: Any) -> bool:
    return value is None or value != value


_AXES: dict[int, Callable[[Row], Row]] = {1: _axes_to_2}
_COLUMNS: dict[int, Callable[[Row, float], Row]] = {1: _columns_to_2}


def todays_name(column: str) -> str:
    """Return what a column of any schema version is called today, so that old commands go on.

    >>> todays_name("transformed_accuracy")
    'transformed_score'
    """
    return _NAMES_2.get(column, column)
