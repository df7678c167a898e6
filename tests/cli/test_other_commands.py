"""Commands that train nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calls import called


@pytest.mark.parametrize("kind", ["families", "datasets", "suites", "augmentations"])
def test_lists_have_a_line_for_each_and_its_options(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("list", kind, capsys=capsys)
    assert code == 0
    known = {"families": "cnn: ", "datasets": "digits: ", "suites": "quick: ", "augmentations": "SO(2): "}
    assert any(line.startswith(known[kind]) for line in out.splitlines())
    option = {"families": "    dropout (number; default 0.0)", "datasets": "    size (integer; default 28)"}
    assert option.get(kind, "") in out
    assert "PydanticUndefined" not in out


def test_the_schema_prints_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("schema", capsys=capsys)
    assert code == 0
    assert json.loads(out)["required"] == ["name", "data", "families", "budget"]


def test_the_doctor_tells_what_is_here_and_how_to_get_the_rest(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called("doctor", capsys=capsys)
    assert code == 0
    for told in ("torch: ", "device: cpu", "data digits: comes with", "equivaug data fetch mnist", "EQUIVAUG_DATA"):
        assert told in out


def test_the_doctor_fails_where_a_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.doctor.report.LIBRARIES", ("numpy", "no-such-library"))
    code, out, _ = called("doctor", capsys=capsys)
    assert code == 1
    assert "no-such-library: missing; python -m pip install no-such-library" in out


def test_data_that_needs_no_download_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("data", "fetch", "digits", capsys=capsys) == (0, "digits needs no download\n", "")


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    code = "import sys, bench.cli; print(*sorted({'torch', 'pandas', 'matplotlib', 'e2cnn'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
