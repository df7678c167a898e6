"""What a paper prints of the tables: each analysis as text for people, or as CSV for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.brackets import bracket_text, brackets, counted_in, may_exceed
from bench.analysis.controls import COLUMNS, controls
from bench.analysis.differences import paired_differences
from bench.analysis.exchange import ALONG, exchange_rates, rate_text, telling
from bench.analysis.frontier import frontier
from bench.analysis.markup import Rows, Text, latex, markdown
from bench.analysis.matched_time import matched_time
from bench.analysis.ranking import ranking
from bench.analysis.summary import each
from bench.results.tables import Tables
from bench.scores import SCORE_COLUMNS, SCORES, Score, reading

FORMATS: dict[str, Callable[[Rows, str], str]] = {"md": markdown, "latex": latex}

_SHARED = ["dataset", "augmentation_group"]


@dataclass(frozen=True)
class _Printer:
    """An analysis of (tables, value), and how its rows of one data set and group become a caption and text."""

    analyse: Callable[[Tables, str], pd.DataFrame]
    lay_out: Callable[[pd.DataFrame, str], tuple[str, Rows]]


def printed(tables: Tables, kind: str, value: str, form: str) -> str:
    """Return one of `KINDS` as text in one of `FORMATS`, or as ``csv`` with every column and digit."""
    printer = KINDS[kind]
    table = printer.analyse(tables, value)
    if form == "csv":
        return str(table.to_csv(index=False, lineterminator="\n"))
    parts = []
    for (dataset, group), rows in table.groupby(_SHARED, sort=False):
        caption, laid_out = printer.lay_out(rows, value)
        parts.append(FORMATS[form](laid_out, f"{dataset}, {group}: {caption}"))
    return "\n".join(parts) if parts else f"no {kind}: the cells that are done do not allow it\n"


def value_text(read: Score, mean: float, low: float, high: float) -> str:
    """Return a mean with half of its interval, shares in percent: ``92.1 ± 1.3``."""
    scale, digits = (100, ".1f") if read.is_share else (1, ".3g")
    spread = "" if math.isnan(low) else f" ± {scale * (high - low) / 2:{digits}}"
    return f"{scale * mean:{digits}}{spread}"


def _summary(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    """Lay out one row per label and one column per strength, copies and training size."""
    settings = sorted(set(zip(rows["strength"], rows["copies"], rows["train_size"], strict=True)))
    several = rows["copies"].nunique() > 1
    head = [f"s = {s:g}{f', {copies} copies' if several and copies else ''}, {n:,}" for s, copies, n in settings]
    row_at = {(row.label, row.strength, row.copies, row.train_size): row for row in each(rows)}
    read = _read(rows, value)

    def text(row: Any) -> Text:
        return Text(value_text(read, row.mean, row.low, row.high), row.tied) if row else Text("-")

    body = [
        [Text(label), *(text(row_at.get((label, *at))) for at in settings)] for label in dict.fromkeys(rows["label"])
    ]
    caption = (
        f"{_named(rows, value)}, mean ± half of the 95 % t-interval over seeds, by augmentation strength s and "
        "training examples; bold are those not told apart from the best of a column (from three seeds on)."
    )
    return caption, [[Text("family"), *map(Text, head)], *body]


def _rates(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    """Lay out one row per setting of a family and what is exchanged, and one column per strength of the reference."""
    every, rows = rows, telling(rows)
    strengths = sorted(set(rows["reference_strength"]))
    rates: dict[tuple[Any, ...], dict[float, str]] = {}
    for row in each(rows):
        key = (ALONG[row.along], row.label, *_setting(row), _score_text(row.score, row.reached))
        rates.setdefault(key, {})[row.reference_strength] = rate_text(row)
    body = [(*key, *(rate_at.get(strength, "-") for strength in strengths)) for key, rate_at in rates.items()]
    silent = len(every) - len(rows)
    left_out = f" Of {len(every)} rates {silent} are left out: what was tried bounds them by no more than 1."
    caption = (
        f"how many times more of something {every['reference'].iloc[0]} needs, without and with augmentation, to be as "
        f"good, with the 95 % interval; a bound where it never is, or is at once.{left_out if silent else ''}"
    )
    head = (
        "of",
        "family",
        "s",
        "examples",
        _score_head(rows),
        *(f"reference, s = {strength:g}" for strength in strengths),
    )
    return caption, _rows(head, body)


def _exchange(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    """Lay out one row per label, opponent and what is exchanged, and one column per training-set size."""
    every, rows = rows, rows[may_exceed(rows)]
    sizes = sorted(set(rows["train_size"]))
    needs: dict[tuple[str, ...], dict[int, str]] = {}
    for row in each(rows):
        key = (row.label, f"{row.plain_label} ({row.at})", counted_in(row.along, row.domain))
        needs.setdefault(key, {})[row.train_size] = bracket_text(row)
    body = [(*key, *(need_at.get(size, "-") for size in sizes)) for key, need_at in needs.items()]
    silent = len(every) - len(rows)
    left_out = (
        f" Of {len(every)} brackets {silent} are left out: the plain network had less of it, trained as many steps."
    )
    caption = (
        "what the plain network needs to be as good as each network is with its examples, both with the strengths that "
        "the pilot seeds chose: more than the largest amount at which it is worse, at most the least at which it is "
        "better, with 95 % in every row by itself; the verdict counts all comparisons together and leaves more open."
        f"{left_out if silent else ''}"
    )
    head = ("as good as", "opponent", "needs, of", *(f"with {size:,} examples" for size in sizes))
    return caption, _rows(head, body)


def _differences(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    body = [
        (
            f"{row.label} - {row.other}",
            *_setting(row),
            value_text(_read(rows, value), row.mean, row.low, row.high),
            f"{row.n}",
            f"{row.p_holm:.2g}",
        )
        for row in each(rows)
    ]
    caption = f"paired differences of {_named(rows, value)} over shared seeds with 95 % t-intervals; p after Holm."
    return caption, _rows(("pair", "s", "examples", "difference", "seeds", "p"), body)


def _frontier(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    body = [
        (
            row.label,
            row.cost,
            f"{row.budget:.3g}",
            value_text(SCORES[row.score], row.mean, row.low, row.high),
            *_setting(row),
        )
        for row in each(rows)
    ]
    caption = (
        f"the best {_score_of(rows)} on transformed validation inputs within each budget of training, and where it was "
        "found."
    )
    return caption, _rows(("family", "budget of", "at", _score_head(rows), "s", "examples"), body)


def _time(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    body = [
        (
            row.label,
            *_setting(row),
            _score_text(row.score, row.target),
            f"{_seconds(row.seconds)} ({_seconds(row.low)} to {_seconds(row.high)})" if row.reached else "never",
            f"{row.apart:.2g}" if row.reached else "-",
            f"{row.reached} of {row.n}",
        )
        for row in each(rows)
    ]
    caption = (
        f"training seconds until the best {_score_of(rows)} on transformed validation inputs that every family "
        "reaches, median and range over seeds, interpolated between evaluations, by which they may be off."
    )
    return caption, _rows(
        ("family", "s", "examples", _score_head(rows), "seconds", "evaluated every", "seeds there"), body
    )


def _controls(rows: pd.DataFrame, value: str) -> tuple[str, Rows]:
    body = [
        (row.label, *_setting(row), *(_score_text(row.score, score) for score in _scores_of(row))) for row in each(rows)
    ]
    caption = (
        f"{_score_head(rows)}, mean over seeds, on test inputs that are upright; moved by elements that permute pixels "
        "(quarter turns, mirrors), so that nothing is resampled; resampled and not moved; moved by the whole group. "
        "What the third lacks to the first is the pixels' doing, not the orientation's."
    )
    head = ("family", "s", "examples", "upright", "exactly moved", "resampled", "transformed")
    return caption, _rows(head, body)


def _scores_of(row: Any) -> Iterator[float]:
    return (getattr(row, score) for score in COLUMNS)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g}" if math.isfinite(seconds) else "never"


def _setting(row: Any) -> tuple[str, str]:
    copies = f" ({row.copies} copies)" if row.copies and row.strength else ""
    return f"{row.strength:g}{copies}", f"{row.train_size:,}"


def _rows(head: Sequence[str], body: Sequence[Sequence[str]]) -> Rows:
    return [[Text(text) for text in row] for row in (head, *body)]


def _read(rows: pd.DataFrame, value: str) -> Score:
    return reading(value, rows["score"].iloc[0])


def _score_of(rows: pd.DataFrame) -> str:
    return SCORES[rows["score"].iloc[0]].label if len(rows) else "score"


def _score_head(rows: pd.DataFrame) -> str:
    return _score_of(rows) + (" in percent" if len(rows) and SCORES[rows["score"].iloc[0]].is_share else "")


def _score_text(score: str, value: float) -> str:
    """Return a score as a column has it, whose head tells the unit."""
    return SCORES[score].text(value).removesuffix(" %")


def _named(rows: pd.DataFrame, value: str) -> str:
    """Return what a value is called in a caption: of a score its kind, such as ``transformed accuracy``."""
    read = _read(rows, value)
    name = value.removesuffix("score") + read.label if value in SCORE_COLUMNS else value
    return name.replace("_", " ") + (" in percent" if read.is_share else "")


def _concatenated(frames: Iterator[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(
        [frame for frame in frames if not frame.empty] or [pd.DataFrame(columns=_SHARED)], ignore_index=True
    )


#: What `equivaug tables --of` prints.
KINDS: dict[str, _Printer] = {
    "summary": _Printer(lambda tables, value: ranking(tables.runs, value), _summary),
    "exchange": _Printer(lambda tables, value: brackets(tables.runs, value), _exchange),
    "rates": _Printer(lambda tables, _: _concatenated(exchange_rates(tables, along) for along in ALONG), _rates),
    "differences": _Printer(lambda tables, value: paired_differences(tables.runs, value), _differences),
    "frontier": _Printer(
        lambda tables, _: _concatenated(frontier(tables, cost).assign(cost=cost) for cost in ("flops", "seconds")),
        _frontier,
    ),
    "controls": _Printer(lambda tables, _: controls(tables.runs), _controls),
    "time": _Printer(lambda tables, _: matched_time(tables), _time),
}
