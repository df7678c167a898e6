"""The page: what is on it, rendered and written as one file that needs nothing else."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from plotly.offline import get_plotlyjs

import bench
from bench.analysis.markup import Rows
from bench.analysis.printed import KINDS
from bench.analysis.verdict import verdict
from bench.atomic import write_atomically
from bench.errors import UserError, printable
from bench.figures.looks import looks
from bench.report.charts import charts
from bench.results import tables as results_tables
from bench.results.tables import Tables
from bench.scores import SCORES, Score

REPORT = "report.html"
SUITE = "suite.yaml"
#: The folder of a results folder in which `equivaug show` puts pictures of its cells.
PICTURES = "pictures"

#: Columns of the table of cells: the header, the column of ``runs``, how its values are written; of scores the header
#: says ``{score}``, and the score how they are written.
CELLS: tuple[tuple[str, str, str], ...] = (
    ("network", "label", "{}"),
    ("data set", "dataset", "{}"),
    ("moved by", "augmentation_group", "{}"),
    ("strength", "strength", "{:g}"),
    ("copies", "copies", "{:d}"),
    ("examples", "train_size", "{:,d}"),
    ("seed", "seed", "{:d}"),
    ("status", "status", "{}"),
    ("{score}, upright{unit}", "test_score", ""),
    ("{score}, transformed{unit}", "transformed_score", ""),
    ("exactly moved{unit}", "exact_score", ""),
    ("resampled{unit}", "resampled_score", ""),
    ("equivariance error", "equivariance_error_mean", "{:.2g}"),
    ("training, s", "train_seconds", "{:.3g}"),
    ("parameters", "parameters", "{:,.0f}"),
    ("FLOPs per example", "flops_per_example", "{:.3g}"),
)

#: The columns that the reader can filter by.
FILTERS = ("label", "augmentation_group", "strength", "train_size", "status")

#: What `equivaug tables --of` prints, by the heading that it has: below the verdict, and folded further down.
FIRST_TABLES = {"exchange": "What the plain network needs"}
FOLDED_TABLES = {"summary": "Summary", "controls": "What resampling alone costs", "time": "Time to the same score"}

_PROVENANCE = ("version", "commit", "torch", "numpy", "python", "device", "precision", "timing", "threads", "match_by")


def write(results: Path, out: Path | None = None) -> Path:
    """Write the page of a results folder, by default beside its tables; UserError if there are none to read."""
    path = out or results / REPORT
    name, links = printable(results.resolve().name), _links(results, path.parent)
    content = page(results_tables.read(results), _suite(results), links, name, _pictures(results))
    try:
        write_atomically(path, content.encode())
    except OSError as error:
        raise UserError(f"the report {path} cannot be written: {error.strerror}") from error
    return path


def page(
    tables: Tables, suite: str | None, links: dict[str, str], name: str, pictures: Sequence[tuple[str, str]] = ()
) -> str:
    """Return the page as HTML: ``suite`` is the suite file's text, ``links`` are names and addresses of figures.

    ``pictures`` are names and contents (PNG in base64) of what `equivaug show` drew of cells.
    """
    drawn = list(charts(tables))
    answer = verdict(tables)
    return str(
        _template().render(
            name=name,
            version=bench.__version__,
            headline=answer.headline,
            sentences=answer.sentences,
            first_tables=_tables(tables, FIRST_TABLES),
            tables=_tables(tables, FOLDED_TABLES),
            charts=drawn,
            pictures=pictures,
            families=[(label, look.colour) for label, look in looks(tables.runs).items()] if drawn else [],
            data=_as_data([[vars(panel) for panel in chart.panels] for chart in drawn]),
            columns=_heads(tables.runs),
            filters=[(head, column, _choices(tables.runs, column)) for head, column, _ in CELLS if column in FILTERS],
            cells=_cells(tables.runs),
            failures=_failures(tables.runs),
            provenance=[(column.replace("_", " "), _listed(tables.runs[column])) for column in _PROVENANCE],
            suite=suite,
            links=links,
            style=_asset("style.css"),
            script=_asset("script.js"),
            plotly=_plotly(),
        )
    )


def _tables(tables: Tables, kinds: Mapping[str, str]) -> list[tuple[str, str, Rows]]:
    """Return the printed tables: a heading, a caption and the rows, by data set and augmentation group."""
    sections = []
    for kind, heading in kinds.items():
        printer = KINDS[kind]
        table = printer.analyse(tables, "transformed_score")
        for (dataset, group), rows in table.groupby(["dataset", "augmentation_group"], sort=False):
            caption, laid_out = printer.lay_out(rows, "transformed_score")
            sections.append((heading, f"{dataset}, {group}: {caption}", laid_out))
    return sections


def _cells(runs: pd.DataFrame) -> list[list[tuple[str, Any]]]:
    """Return for every cell what is shown in each column, and what it is sorted by."""
    scores = [SCORES[name] for name in runs["score"]]
    columns = [
        [_shown(value, form or score) for value, score in zip(runs[column], scores, strict=True)]
        for _, column, form in CELLS
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _heads(runs: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the columns with what the scores are called; several kinds of them are scores."""
    scores = [SCORES[name] for name in runs["score"].unique()]
    label = scores[0].label if len(scores) == 1 else "score"
    unit = ", %" if scores and all(score.is_share for score in scores) else ""
    return [(head.format(score=label, unit=unit), column, form) for head, column, form in CELLS]


def _shown(value: Any, form: str | Score) -> tuple[str, Any]:
    if pd.isna(value):
        return "-", ""
    text = form.format(value) if isinstance(form, str) else form.text(value)
    return text.removesuffix(" %"), value


def _failures(runs: pd.DataFrame) -> list[tuple[str, str, str, int]]:
    """Return what is not done: network, status, reason, and how many cells share it."""
    lost = runs[runs["status"] != "done"]
    counts = lost.fillna({"reason": "no reason"}).groupby(["label", "status", "reason"]).size()
    return [(*key, int(count)) for key, count in counts.items()]


def _choices(runs: pd.DataFrame, column: str) -> list[tuple[str, str]]:
    form = next(form for _, key, form in CELLS if key == column)
    return [(str(value), form.format(value)) for value in sorted(runs[column].dropna().unique())]


def _listed(values: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in values.dropna()})) or "-"


def _suite(results: Path) -> str | None:
    try:
        return (results / SUITE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _links(results: Path, page_folder: Path) -> dict[str, str]:
    """Return the static figures that there are, addressed from the folder of the page."""
    pictures = sorted((results / "figures").glob("*.png"))
    same = page_folder.resolve() == results.resolve()
    return {path.stem: f"figures/{path.name}" if same else path.resolve().as_uri() for path in pictures}


def _pictures(results: Path) -> list[tuple[str, str]]:
    """Return the names and the contents, in base64, of the pictures of cells that there are."""
    pictures = sorted((results / PICTURES).glob("*.png"))
    return [(printable(path.stem), base64.b64encode(path.read_bytes()).decode()) for path in pictures]


def _as_data(value: Any) -> str:
    """Return JSON that is safe inside a script element, whatever the names in it are."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _plotly() -> str:
    """Return plotly.js, compressed: a third of its size, and the browser unpacks it."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def _asset(name: str) -> str:
    return (files("bench.report") / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_asset("page.html.j2"))
