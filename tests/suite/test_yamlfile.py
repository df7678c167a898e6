"""Suite files: read strictly, written so that they read back, found by name."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bench import suite as suites
from bench.errors import UserError
from bench.suite import parse
from bench.suite.listing import listing
from bench.suite.yamlfile import dumped, loaded, read
from tests.suite.suites import BASE, changed, message


def test_yaml_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("lr: 1e-3\nother: 2E5\nname: 12e\n")
    assert read(path) == {"lr": 0.001, "other": 200000.0, "name": "12e"}
    path.write_text("a: 010\nb: 1:30\nc: no\nd: 1999-12-31\ne: 10_000\nf: [-.5, true, ~]\n")
    assert read(path) == {"a": 10, "b": "1:30", "c": "no", "d": "1999-12-31", "e": 10000, "f": [-0.5, True, None]}
    for text, told in {
        "a: 1\nb:\n  c: 1\n  c: 2\n": "at line 4: the key 'c' is given twice",
        "a: 1\n2: b\n": "at line 2: a key is text, not '2'",
        "~: b\n": "at line 1: a key is text, not '~'",
        "[a]: b\n": "at line 1: a key is text, not a list or a mapping",
        "a: [1\nb: 2": "it is not valid YAML at line",
        "a: 1\nb: !!int x\n": "at line 2: 'x' is no int",
        "a: !!int [1]": "at line 1: a list or a mapping is no int",
        "a: !!float one": "at line 1: 'one' is no float",
        "a: !!bool 3": "at line 1: '3' is no bool",
        "a: !!null 3": "at line 1: '3' is no null",
        "a: !!timestamp 1999-12-31": "at line 1: the tag !!timestamp has no place here; known: !!str, !!int",
        "a: !!binary aGVsbG8=": "the tag !!binary has no place here",
        "a: !!set {x}": "the tag !!set has no place here",
        "a: !!omap [x: 1]": "the tag !!omap has no place here",
        "a: !!pairs [x: 1]": "the tag !!pairs has no place here",
        "a: !!python/object/apply:os.getcwd []": "the tag !!python/object/apply:os.getcwd has no place here",
        "a: !mine 3": "the tag !mine has no place here",
        "a: !!map 3": "it is not valid YAML at line 1",
        "a: !!seq 3": "it is not valid YAML at line 1",
        "a: 1\n---\nb: 2": "it is not valid YAML at line",
        "\x00": "it is not a YAML file",
        "[" * 5000: "nested too deeply",
        f"a: {'9' * 5000}": "a number of too many digits",
    }.items():
        path.write_text(text)
        with pytest.raises(UserError, match=f"x.yaml cannot be read: .*{re.escape(told)}") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    path.write_text("a: !!str 010\nb: !!int 010\nc: !!float 1\nd: !!bool TRUE\ne: [!!null ~, -.INF, +1_0.5]\n")
    assert read(path) == {"a": "010", "b": 10, "c": 1.0, "d": True, "e": [None, -math.inf, 10.5]}
    path.write_bytes(b"name: \xff")
    with pytest.raises(UserError, match="it is not text in UTF-8"):
        read(path)


@pytest.mark.parametrize("label", ["two\nlines", "\x1b[31mred", "\x00", "tab\t", "\u2028", "\u202e", ""])
def test_a_label_is_one_printable_line(label: str) -> None:
    told = message(changed(families__0__label=label))
    assert told.startswith("s.yaml: families[0].label: ")
    assert told.isprintable()


@pytest.mark.parametrize("place", ["description", "name", "families__0__label", "data__path", "augmentation__group"])
def test_text_that_is_not_unicode_is_named_with_its_place(place: str) -> None:
    """As a file's name in Latin-1 becomes one, or an escape in YAML."""
    told = message(changed(**{place: "caf\udce9"}))
    where = place.replace("__0__", "[0].").replace("__", ".")
    assert told == f"s.yaml: {where}: 'caf\\udce9' is not Unicode; rename what it names"
    assert message(loaded('name: x\ndata: {"\\ud800": 3}\n')).startswith("s.yaml: data: '\\ud800' is not Unicode")


def test_an_alias_that_holds_itself_is_named(tmp_path: Path) -> None:
    assert message(loaded("name: x\ndata: &a {b: *a}\n")) == (
        "s.yaml: an alias stands for something that holds the alias itself"
    )


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
@example(["010", "1e-3", "no", "~", "", "1:30", "10_000", "<<", "null", ".5", "\x85", "=", "2000-01-01"])
def test_what_is_written_reads_back(value: Any) -> None:
    assert loaded(dumped({"key": value})) == {"key": value}


def test_a_suite_is_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "mine.yaml").write_text(yaml.safe_dump(BASE))
    assert suites.load("mine") == suites.load("suites/mine.yaml") == parse(BASE)
    assert "quick" in suites.available()
    (tmp_path / "suites" / "broken.yaml").write_text("name: [")
    description = "Is 0.5 enough, at 16 x 16\npixels? Run it with --workers 1. It takes long."
    (tmp_path / "suites" / "described.yaml").write_text(yaml.safe_dump(BASE | {"description": description}))
    lines = list(listing("suites"))
    assert lines[lines.index("described: Is 0.5 enough, at 16 x 16 pixels?") + 1] == "    suites/described.yaml"
    assert lines[lines.index("mine") + 1] == "    suites/mine.yaml"
    told = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert told["broken"].startswith("suites/broken.yaml cannot be read: it is not valid YAML at line 1")
    with pytest.raises(UserError, match=r"unknown suite 'mien'; did you mean 'mine'\?"):
        suites.load("mien")
    with pytest.raises(UserError, match=r"there is no suite file suites/none\.yaml"):
        suites.load("suites/none.yaml")


def test_a_suite_reads_back_from_its_dump() -> None:
    suite = parse(BASE, overrides=["budget.lr=[0.1, 1e-3]"])
    assert parse(yaml.safe_load(yaml.safe_dump(suite.model_dump(mode="json")))) == suite
