"""Checking what a person wrote against typed models, and the product of its axes.

An axis is any single-valued field that is given as a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from bench.errors import UserError, is_unicode, nearest, printable

Model = TypeVar("Model", bound=BaseModel)


def check(raw: Any, model: type[Model], where: str, beside: type[BaseModel] | None = None) -> Model:
    """Return ``raw`` as a ``model``; UserError for the first thing wrong. ``beside`` holds further known keys."""
    for location, text in _texts(raw):
        if not is_unicode(text):
            raise UserError(f"{place_of(where, *location)}: {shown(text)} is not Unicode; rename what it names")
    try:
        # as JSON, strictly: a list is a tuple and 1 is 1.0, but neither "1" nor true is a number
        text = json.dumps(raw, default=str, allow_nan=False)
    except ValueError as error:
        if str(error).startswith("Circular"):
            raise UserError(f"{where}: an alias stands for something that holds the alias itself") from error
        raise UserError(f"{where}: .nan and .inf are no values of a suite") from error
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise UserError(_sentence(error.errors(), raw, model, where, beside)) from error


def _texts(
    raw: Any, location: tuple[str | int, ...] = (), depth: int = 0
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text in lists and mappings, keys too, with its place; those that hold themselves are left."""
    if isinstance(raw, (str, Path)):
        yield location, str(raw)
    elif isinstance(raw, (dict, list, tuple)) and depth < _DEEPEST:
        for key, value in raw.items() if isinstance(raw, dict) else enumerate(raw):
            if isinstance(key, str):
                yield location, key
            yield from _texts(value, (*location, key), depth + 1)


_DEEPEST = 20


def _sentence(
    errors: list[ErrorDetails], raw: Any, model: type[BaseModel], where: str, beside: type[BaseModel] | None
) -> str:
    first = errors[0]
    key = first["loc"][:1]
    # each member of a union has its own complaint: those that reach deepest are about what the person meant
    rivals = [(_location(each, raw), each) for each in errors if each["loc"][:1] == key]
    location = max((place for place, _ in rivals), key=len)
    here = place_of(where, *location)
    meant = [each for place, each in rivals if place == location]
    if meant[0]["type"] == "extra_forbidden":
        owner = _owner(model, location)
        known = [*owner.model_fields, *(beside.model_fields if beside and owner is model else ())]
        return f"{here}: unknown key{nearest(str(location[-1]), known)}"
    if meant[0]["type"] == "missing":
        return f"{here}: missing"
    # a complaint of ours is about a value whose type is right
    meant = [each for each in meant if each["type"] == "value_error"] or meant
    messages = dict.fromkeys(_plain(each["msg"]) for each in meant)
    complaint, given = " or ".join(messages), meant[0]["input"]
    is_told = isinstance(given, str) and repr(given) in complaint
    return f"{here}: {complaint}" if is_told else f"{here}: {complaint}; found {shown(given)}"


def place_of(where: str, *location: str | int) -> str:
    """Return the name of a place in a file: ``suites/x.yaml: families[0].width``."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return where + parts if ": " in where or not parts else f"{where}: {parts.removeprefix('.')}"


def _location(error: ErrorDetails, raw: Any) -> tuple[str | int, ...]:
    """Return the keys of an error's place without the names that pydantic gives to the members of a union."""
    keys: list[str | int] = []
    value = raw
    for part in error["loc"]:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if inside:
            keys.append(part)
            # what is missing in a list lies behind its end
            is_there = not (isinstance(value, list) and isinstance(part, int)) or part < len(value)
            value = value[part] if is_there else None
    return (*keys, error["loc"][-1]) if error["type"] == "missing" else tuple(keys)


def _owner(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model that holds the last key of a location."""
    for part in location[:-1]:
        inner = model.model_fields[part].annotation if isinstance(part, str) and part in model.model_fields else None
        parts = [kind for kind in (inner, *get_args(inner)) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = parts[0] if parts else model
    return model


def _plain(message: str) -> str:
    """Return a message of pydantic in the words of a suite file."""
    text = message.removeprefix("Value error, ").replace("Input should be", "should be")
    for theirs, ours in _WORDS.items():
        text = text.replace(theirs, ours)
    return text[0].lower() + text[1:]


_WORDS = {
    "a valid array": "a list",
    "a valid tuple": "a list",
    "an object": "a mapping",
    "a valid dictionary": "a mapping",
    "Tuple should have": "a list should have",
    "List should have": "a list should have",
    " after validation": "",
}


def choices(raw: Any, model: type[Model], where: str, beside: type[BaseModel] | None = None) -> list[Model]:
    """Return one checked model for every combination of the values of the axes in ``raw``."""
    return [check(chosen, model, where, beside) for chosen in combinations(raw, model, where)]


def combinations(raw: dict[str, Any], model: type[BaseModel], where: str) -> list[dict[str, Any]]:
    """Return one mapping for every combination of the values of the axes in ``raw``.

    >>> class Model(BaseModel):
    ...     group: str
    ...     channels: tuple[int, ...] = ()
    >>> combinations({"group": ["C4", "C8"], "channels": [1, 2]}, Model, "suite")
    [{'group': 'C4', 'channels': [1, 2]}, {'group': 'C8', 'channels': [1, 2]}]
    """
    axes = []
    for key, value in raw.items():
        is_axis = isinstance(value, list) and not (
            key in model.model_fields and takes_list(model.model_fields[key].annotation)
        )
        if is_axis and not value:
            raise UserError(f"{place_of(where, key)}: an empty list; give at least one value")
        if is_axis and (twice := _twice(value)):
            raise UserError(f"{place_of(where, key)}: {shown(twice[0])} is given twice")
        axes.append(value if is_axis else [value])
    return [dict(zip(raw, combination, strict=True)) for combination in product(*axes)]


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"should be one line of printable text; found {printable(text)}")
    return text


#: A name for people: one line without control characters, as it stands in tables, terminals and pages.
Name = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]


class Distinct:
    """Marks the type of a field that is a list by itself, and has no value twice."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "uniqueItems": True}

    @staticmethod
    def _checked(values: tuple[Any, ...]) -> tuple[Any, ...]:
        if twice := _twice(values):
            raise ValueError(f"{shown(twice[0])} is given twice")
        return values


def _twice(values: Sequence[Any]) -> list[Any]:
    return [value for place, value in enumerate(values) if value in values[:place]]


def takes_list(annotation: Any) -> bool:
    """Whether a field of this type is a list by itself, so that a list is its value and not an axis."""
    if get_origin(annotation) in (tuple, list):
        return True
    return any(takes_list(part) for part in get_args(annotation))


def shown(value: Any) -> str:
    """Return a value as an error shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
