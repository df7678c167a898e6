"""Figures as files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.figures import FIGURES, draw_all
from tests.figures.made_up import (
    TWO,
    made_up,
)


def test_files_are_written_whole_and_equal_for_equal_tables(tmp_path: Path) -> None:
    small = made_up((100, 1000), (0.0, 1.0), 5, TWO)
    first, second = draw_all(small, tmp_path / "a"), draw_all(small, tmp_path / "b")
    assert [path.name for path in first] == [
        f"{name}.{kind}" for name in FIGURES if name != "roc" for kind in ("png", "pdf")
    ]
    assert sorted((tmp_path / "a").iterdir()) == sorted(first)
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    for path in first:
        content = path.read_bytes()
        if path.suffix == ".pdf":
            assert b"/CIDFontType2" in content
            assert b"/Type3" not in content
            assert b"CreationDate" not in content
        else:
            width = int.from_bytes(content[16:20], "big")
            assert width == 300 * (3.4 if path.stem in ("score_by_size", "gap_by_size", "measurements") else 7.0)


def test_figures_do_not_import_torch_or_open_pyplot_figures() -> None:
    code = "import sys, bench.figures, matplotlib.pyplot as p; print('torch' in sys.modules, p.get_fignums())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "[]"]
