"""The JSON Schema of suite files, so that editors complete and check them."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel

from bench.axes import takes_list
from bench.cell import Budget, Scoring
from bench.geometry import domain, domain_names
from bench.registry import Entry, datasets, families, measurements
from bench.suite import Augmentation, Data, Family, Matching, Suite


def suite_schema() -> dict[str, Any]:
    """Return the schema: every registered family and data set with its options; a single-valued field may be an axis.

    What an axis may not be (``name``, ``family``, what is under ``measure``) is as `bench.suite.parse` has it.
    """
    schema = _inlined(Suite.model_json_schema())
    parts: dict[str, Any] = schema["properties"]
    parts["data"] = {"oneOf": [_entry(entry, Data, "name") for entry in datasets]}
    parts["families"]["items"] = {"oneOf": [_entry(entry, Family, "family") for entry in families]}
    parts["augmentation"] = _with_axes(Augmentation)
    _name_choices(parts["augmentation"]["properties"]["resampling"], "resamplings")
    _name_choices(parts["augmentation"]["properties"]["base"], "bases", "none")
    for entry in parts["data"]["oneOf"]:
        _name_choices(entry["properties"]["crop"], "crops")
    parts["budget"] = {**_with_axes(Budget), "oneOf": [{"required": ["epochs"]}, {"required": ["steps"]}]}
    parts["measure"] = _measure()
    parts["match"] = {"anyOf": [_matching(), {"type": "array", "items": _matching(), "minItems": 1}, {"type": "null"}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "equivaug suite",
        "properties": parts,
    }


def _name_choices(part: Any, choices: str, *others: str) -> None:
    """Give the text in a part of a schema the values that any domain has, and others."""
    known = sorted({*others, *(value for name in domain_names() for value in getattr(domain(name), choices))})
    if isinstance(part, dict):
        if part.get("type") == "string":
            part["enum"] = known
        for each in part.values():
            _name_choices(each, choices, *others)
    elif isinstance(part, list):
        for each in part:
            _name_choices(each, choices, *others)


def _measure() -> dict[str, Any]:
    """Return the schema of what is measured: every registered measurement with its options, ``true`` or ``null``."""
    schema = _inlined(Scoring.model_json_schema())
    for entry in measurements:
        options = {**_inlined(entry.options.model_json_schema()), "additionalProperties": False}
        schema["properties"][entry.name] = {
            "description": f"{entry.summary} {'On' if entry.by_default else 'Off'} by default.",
            "anyOf": [options, {"const": True}, {"type": "null"}],
        }
    return {**schema, "additionalProperties": False}


def _entry(entry: Entry, own: type[BaseModel], key: str) -> dict[str, Any]:
    """Return the schema of one registered thing: its own keys, its options, and its name under ``key``."""
    schema, options = _with_axes(own), _with_axes(entry.options)
    schema["properties"] = {**schema["properties"], **options.get("properties", {})}
    schema["properties"][key] = {"const": entry.name, "description": entry.summary}
    if key == "family":
        budget = {**_with_axes(Budget), "description": "keys of the budget that differ for this family"}
        matching = {**_matching(), "description": "the size to match, instead of the suite's"}
        several = {"type": "array", "items": matching, "minItems": 1}
        schema["properties"]["match"] = {"anyOf": [matching, several, {"type": "null"}]}
        schema["properties"]["budget"] = {"anyOf": [budget, {"type": "array", "items": budget, "minItems": 1}]}
    schema["required"] = sorted({key, *schema.get("required", ()), *options.get("required", ())})
    return {**schema, "title": entry.name, "description": entry.summary}


def _matching() -> dict[str, Any]:
    """Return the schema of a size to match: a number, or the label of a network."""
    sizes: list[dict[str, Any]] = [{"required": ["target"]}, {"required": ["like"]}]
    return {**_with_axes(Matching), "oneOf": sizes}


def _with_axes(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's schema in which every single-valued field also takes a list of values."""
    schema = _inlined(model.model_json_schema())
    for name, field in model.model_fields.items():
        prop = schema["properties"][name]
        if not takes_list(field.annotation):
            shared = {key: prop.pop(key) for key in ("description", "default", "title") if key in prop}
            axis = {"type": "array", "items": prop, "minItems": 1, "uniqueItems": True}
            schema["properties"][name] = {**shared, "anyOf": [prop, axis]}
    return {**schema, "additionalProperties": False}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without ``$defs``: each reference replaced by what it names."""
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name:
                part = {**definitions[name], **{key: value for key, value in part.items() if key != "$ref"}}
            return {key: resolved(value) for key, value in part.items()}
        return [resolved(each) for each in part] if isinstance(part, list) else copy.copy(part)

    inlined: dict[str, Any] = resolved(schema)
    return inlined
