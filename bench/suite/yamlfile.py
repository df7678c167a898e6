"""YAML as a person writes it: read strictly, written so that it reads back, and changed by ``key.key=value``."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from bench.axes import shown
from bench.errors import UserError

# YAML 1.2's core schema: 010 is ten, and neither 1:30 nor yes nor 1999-12-31 is anything but text. Of YAML 1.1, the
# underscores of 10_000 are left.
_PLAIN = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
)


class _Loader(yaml.SafeLoader):
    """The safe loader with the scalars of `_PLAIN`, which refuses a key that is no text or is given twice.

    A tag that is written out may name what `_PLAIN` has, text, a list or a mapping, and then holds such a value.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML has it
    yaml_constructors: ClassVar[dict[str | None, Callable[..., Any]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                written = f"'{key.value}'" if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
                raise yaml.MarkedYAMLError(problem=f"a key is text, not {written}", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{key.value}' is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes what `_Loader` would take for something else than text."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def _scalar(kind: str) -> Callable[[_Loader, yaml.Node], Any]:
    """Return the constructor of a kind of scalars: what its patterns match, and nothing that a tag only calls so."""
    patterns = [re.compile(f"(?:{pattern})$") for each, pattern, _ in _PLAIN if each == kind]
    convert: dict[str, Callable[[str], Any]] = {
        "bool": lambda text: text.lower() == "true",
        "int": int,
        "float": lambda text: float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text.lower())),
        "null": lambda text: None,
    }

    def construct(loader: _Loader, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode) or not any(pattern.match(node.value) for pattern in patterns):
            value = f"'{node.value}'" if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
            raise yaml.MarkedYAMLError(problem=f"{value} is no {kind}", problem_mark=node.start_mark)
        return convert[kind](node.value)

    return construct


def _refuse(loader: _Loader, node: yaml.Node) -> Any:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    known = ", ".join(f"!!{kind}" for kind in _TAGS)
    raise yaml.MarkedYAMLError(problem=f"the tag {tag} has no place here; known: {known}", problem_mark=node.start_mark)


_TAGS = ("str", "int", "float", "bool", "null", "seq", "map")

for _tag, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))
for _tag in ("str", "seq", "map"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{_tag}"])
for _tag in ("int", "float", "bool", "null"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _scalar(_tag))
_Loader.add_constructor(None, _refuse)


def loaded(text: str) -> Any:
    """Return what a YAML text holds; ValueError with one line that says why it holds nothing."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        place = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"it is not valid YAML{place}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"it is not a YAML file: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ValueError("its lists and mappings are nested too deeply") from error
    except ValueError as error:
        raise ValueError("it holds a number of too many digits") from error


def dumped(value: Any) -> str:
    """Return plain data as YAML that `loaded` reads as the same data."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120)


def read(path: Path) -> Any:
    """Return what a YAML file holds; UserError if it cannot be read."""
    try:
        return loaded(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} cannot be read: it is not text in UTF-8") from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def overridden(raw: Any, override: str) -> Any:
    """Return a copy of ``raw`` with ``key.key=value`` applied; the value is YAML, a number in the path an index."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise UserError(f"--set {override}: found no 'key=value', such as budget.steps=100")
    try:
        value = loaded(text)
    except ValueError as error:
        raise UserError(f"--set {path}: {shown(text)} is not a YAML value") from error
    changed = copy.deepcopy(raw)
    keys = path.split(".")
    target: Any = changed
    for depth, key in enumerate(keys, start=1):
        if isinstance(target, list) and not (key.isdecimal() and int(key) < len(target)):
            raise UserError(f"--set {override}: '{key}' is no place in a list of {len(target)}; places count from 0")
        if not isinstance(target, (dict, list)):
            raise UserError(f"--set {override}: '{key}' is inside {shown(target)}, which has no keys")
        place: Any = int(key) if isinstance(target, list) else key
        if depth == len(keys):
            target[place] = value
        elif isinstance(target, dict):
            # a part that is left out, or null, is begun
            target[place] = {} if target.get(place) is None else target[place]
            target = target[place]
        else:
            target = target[place]
    return changed
