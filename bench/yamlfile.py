"""YAML as a person writes it: read strictly, and changed by ``key.key=value``."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from bench.axes import shown
from bench.errors import UserError


class _Loader(yaml.SafeLoader):
    """The safe loader, which also reads ``1e-3`` as a number and refuses a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"the key '{twice}' is given twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a point in the mantissa and a sign in the exponent, so that 1e-3 would be text
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read(path: Path) -> Any:
    """Return what a YAML file holds; UserError if it cannot be read."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}" if mark else ""
        raise UserError(f"{path} is not valid YAML{place}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def overridden(raw: Any, override: str) -> Any:
    """Return a copy of ``raw`` with ``key.key=value`` applied; the value is YAML, a number in the path an index."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise UserError(f"--set {override}: found no 'key=value', such as budget.steps=100")
    try:
        value = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: '{text}' is not a YAML value") from error
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
