"""What enters a cell's identity: every field that can change the outcome, but none that came later and is not used.

A field of an option, a budget or a matching that comes after results exist is marked, ``Annotated[int, Since(2)]``: at
its default it is left out, so that the cells that were run before it existed keep their identity.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Since:
    """Marks a field that was added in a version of the identity, 1 being that of the first results."""

    version: int


@dataclass(frozen=True)
class Was:
    """Marks a field that has another name than in the first results, under which it stays in the identity."""

    name: str


def todays_keys(raw: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return a mapping as a person wrote it, with the names that the fields of a model have today."""
    names = {mark.name: name for name, mark in _former(model)}
    return {names.get(key, key): value for key, value in raw.items()}


def _former(model: type[BaseModel]) -> list[tuple[str, Was]]:
    return [
        (name, mark) for name, field in model.model_fields.items() for mark in field.metadata if isinstance(mark, Was)
    ]


def plain(value: Any) -> Any:
    """Return a value as JSON has it; of models without fields that came later and stand at their defaults."""
    if isinstance(value, BaseModel):
        dumped = value.model_dump(mode="json")
        for name, field in type(value).model_fields.items():
            given = getattr(value, name)
            if given == field.default and any(isinstance(mark, Since) for mark in field.metadata):
                del dumped[name]
            elif _holds_models(given):
                dumped[name] = plain(given)
        for name, mark in _former(type(value)):
            dumped[mark.name] = dumped.pop(name)
        return dumped
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def _holds_models(value: Any) -> bool:
    return isinstance(value, BaseModel) or (isinstance(value, (list, tuple)) and any(map(_holds_models, value)))


def identity(content: dict[str, Any]) -> str:
    """Return the hash of a mapping, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=plain)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
