"""A small suite, and commands called as a person calls them."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cli import main

SMALL: dict[str, Any] = {
    "name": "small",
    "data": {"name": "digits", "size": 16, "train_sizes": [20]},
    "augmentation": {"strengths": [0, 1]},
    "families": [{"family": "cnn", "width": [1, 2], "channels": [1], "pool_after": []}],
    "budget": {"steps": 2, "batch_size": 8, "evaluations": 1},
    "seeds": 2,
    "measure": {"equivariance": {"angles": [90], "samples": 8}},
}


def called(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return the exit code and what the command line wrote to each stream."""
    before = sys.argv
    sys.argv = ["equivaug", *arguments]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return code or 0, out, err


def write_suite(folder: Path, **changes: Any) -> str:
    """Write ``SMALL`` with changes to its parts, and return its path."""
    raw = copy.deepcopy(SMALL)
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(raw))
    return str(path)
