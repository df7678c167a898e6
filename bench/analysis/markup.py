"""Rows of text to Markdown and LaTeX (booktabs)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """The content of one place in a table."""

    text: str
    bold: bool = False


Rows = Sequence[Sequence[Text]]

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "±": r"$\pm$",
    ">": "$>$",
    "<": "$<$",
}


def markdown(rows: Rows, caption: str) -> str:
    """Return a table whose first row is its head, below its caption."""
    head, *body = [[_markdown(text) for text in row] for row in rows]
    rule = ["---", *["---:"] * (len(head) - 1)]
    lines = ["| " + " | ".join(row) + " |" for row in (head, rule, *body)]
    return "\n".join([caption, "", *lines, ""])


def latex(rows: Rows, caption: str) -> str:
    """Return a ``table`` environment that needs the package booktabs."""
    head, *body = [" & ".join(map(_latex, row)) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escaped(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _markdown(text: Text) -> str:
    escaped = text.text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return f"**{escaped}**" if text.bold else escaped


def _latex(text: Text) -> str:
    return rf"\textbf{{{_escaped(text.text)}}}" if text.bold else _escaped(text.text)


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
