"""Tables as they are printed."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from bench.analysis.markup import Text, latex, markdown
from bench.analysis.printed import KINDS, printed
from tests.analysis.accuracies import scarce
from tests.matrices import matrix


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["md", "latex", "csv"])
def test_every_kind_is_printed_in_every_format(kind: str, form: str) -> None:
    text = printed(matrix(scarce), kind, "transformed_score", form)
    assert "steerable C8" in text
    if form == "csv":
        assert len(pd.read_csv(io.StringIO(text))) > 0
    elif form == "md":
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) == 1
    else:
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_the_summary_has_the_best_and_the_tied_in_bold() -> None:
    rows = printed(matrix(scarce), "summary", "transformed_score", "md").splitlines()
    plain, steerable = (next(row for row in rows if row.startswith(f"| {label}")) for label in ("cnn", "steerable"))
    assert plain.count("**") == 4  # both columns of 1,000 images
    assert steerable.count("**") == 8
    assert "**70.0 ± 0.2**" in steerable


def test_nothing_done_is_one_line() -> None:
    tables = matrix(scarce)
    tables.runs["status"] = "failed"
    for kind in KINDS:
        assert printed(tables, kind, "transformed_score", "md").startswith(f"no {kind}")


def test_text_is_escaped() -> None:
    rows = [[Text("a|b*<i>"), Text("50 %", bold=True)]]
    assert markdown(rows, "").splitlines()[2] == r"| a\|b\*&lt;i> | **50 %** |"
    assert r"\textbf{50 \%}" in latex([[Text("x_1 & y")], *rows], "c")
    assert r"x\_1 \& y" in latex([[Text("x_1 & y")]], "c")
