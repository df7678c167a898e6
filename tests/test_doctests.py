"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "bench.former",
    "bench.scores",
    "bench.results.upgrade",
    "bench.geometry.shape",
    "bench.groups.plain",
    "bench.domains.vectors.groups",
    "bench.domains.vectors.tensors",
    "bench.axes",
    "bench.bits",
    "bench.groups.fields",
    "bench.groups.group",
    "bench.seeding",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
