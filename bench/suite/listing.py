"""What a suite file can name, one line each, with the options of each; of suites the first sentence, and the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from bench import suite
from bench.errors import UserError, nearest
from bench.geometry import domain, domain_names
from bench.registry import Catalogue, datasets, families, measurements
from bench.suite.yamlfile import read


def listing(kind: str) -> Iterator[str]:
    """Yield the lines of one kind of things, such as ``families``; UserError for a kind that there is not."""
    kinds = {
        "families": lambda: _registered(families),
        "datasets": lambda: _registered(datasets),
        "measurements": lambda: _registered(measurements),
        "suites": _suites,
        "augmentations": _augmentations,
    }
    if kind not in kinds:
        raise UserError(f"nothing to list of '{kind}'{nearest(kind, kinds)}")
    yield from kinds[kind]()


def _registered(registry: Catalogue[Any]) -> Iterator[str]:
    for entry in registry:
        yield f"{entry.name}: {entry.summary}"
        yield from _options(entry.options)


def _suites() -> Iterator[str]:
    for name, path in sorted(suite.available().items()):
        try:
            raw = read(path)
        except UserError as error:
            yield f"{name}: {error}"
            continue
        description = " ".join(str(raw.get("description", "") if isinstance(raw, dict) else "").split())
        sentence = re.match(r".*?[.?!](?= [A-Z-]|$)|.*", description)
        yield f"{name}: {sentence[0]}" if sentence and sentence[0] else name
        yield f"    {path}"


def _augmentations() -> Iterator[str]:
    for name in domain_names():
        for group, meaning in domain(name).groups.items():
            yield f"{group}: {meaning} ({name})"
    yield from _options(suite.Augmentation)


def _options(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        default = (
            "required" if field.is_required() else f"default {_value(field.get_default(call_default_factory=True))}"
        )
        kind = _kind(schema["properties"][name], schema.get("$defs", {}))
        described = f": {field.description}" if field.description else ""
        yield f"    {name} ({kind}; {default}){described}"


def _kind(part: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return what a value may be, in words."""
    if "$ref" in part:
        part = definitions[part["$ref"].rpartition("/")[2]]
    if "anyOf" in part:
        return " or ".join(_kind(each, definitions) for each in part["anyOf"])
    if "enum" in part or "const" in part:
        return " or ".join(map(str, part.get("enum") or [part["const"]]))
    if part.get("type") == "array":
        items = part.get("items") or (part.get("prefixItems") or [{}])[0]
        return f"list of {_kind(items, definitions)}"
    return {"object": "mapping", "string": "text"}.get(str(part.get("type")), str(part.get("type", "value")))


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return {None: "none", True: "true", False: "false"}.get(value, str(value)) if _is_plain(value) else str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)
