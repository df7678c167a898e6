"""The answer in words to the question: build the symmetry in, or learn it from augmented data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.brackets import bracket_text, brackets
from bench.analysis.comparisons import PART
from bench.analysis.controls import losses
from bench.analysis.failures import failures
from bench.analysis.headline import NO_ANSWER, answers, of_part, side
from bench.analysis.matched_time import matched_time
from bench.analysis.opponents import is_plain
from bench.analysis.rule import Rule
from bench.analysis.summary import done, each, interval
from bench.results.tables import Tables
from bench.scores import SCORES, Score, examples, reading


@dataclass(frozen=True)
class Verdict:
    """One sentence that answers, and those that say by how much, at what price and how surely."""

    headline: str
    sentences: tuple[str, ...]


def verdict(tables: Tables, value: str = "transformed_score") -> Verdict:
    """Return the answer that the tables give, for all their data sets and augmentation groups.

    ``value`` is the score that decides: ``transformed_score`` where inputs come in any orientation,
    ``test_score`` where they come as the data do. What may be chance is never called a difference.
    """
    parts = list(answers(tables, value))
    if not parts:
        return Verdict(NO_ANSWER, tuple(_missing(tables.runs)))
    sentences: list[str] = []
    for answer in parts:
        if not answer.is_learned:
            continue
        rows, sides = answer.rows, answer.sides
        sentences += [*_scores(rows), *_augmentation(tables.runs, sides, value), *_rates(tables, sides, value)]
        sentences += [*_times(tables, sides), *_controls(tables.runs, sides), *_exactness(tables, sides)]
    headlines = " ".join(answer.text for answer in parts)
    return Verdict(headlines, (*sentences, *_fairness(tables.runs), *_missing(tables.runs)))


_SIDES = ("plain_", "")


def _telling(sides: pd.DataFrame) -> Any:
    """Return the comparison of the largest training set that a user has in mind: at equal FLOPs, where there is one."""
    largest = sides[sides["train_size"] == sides["train_size"].max()]
    return min(each(largest), key=lambda row: "FLOPs" not in row.at)


def _scores(rows: pd.DataFrame) -> Iterator[str]:
    for row in each(rows):
        seeds = "1 seed, which chose nothing" if row.n == 1 else f"{row.n} seeds, which chose nothing"
        counted = "with all looks and comparisons counted"
        read = SCORES[row.score]
        sure = f"interval {read.range_text(row.low, row.high)}, p = {row.p_holm:.2g} {counted}, {seeds}"
        yield (
            f"With {row.train_size:,} {examples(row.domain)}, at {row.at}, {_named(row, '')} scores "
            f"{read.text(row.mean)} and "
            f"{_named(row, 'plain_')} {read.text(row.plain_mean)}: a difference of {read.gain_text(row.difference)} "
            f"({sure if pd.notna(row.low) else f'no interval, {seeds}'})."
        )


def _augmentation(runs: pd.DataFrame, sides: pd.DataFrame, value: str) -> Iterator[str]:
    """Say what augmentation gives either side at the largest training-set size."""
    row = _telling(sides)
    for label in (row.plain_label, row.label):
        cells = of_part(done(runs), row)
        cells = cells[(cells["label"] == label) & (cells["train_size"] == row.train_size)]
        scores = cells.pivot_table(index="seed", columns="strength", values=value)
        strongest = max(scores.columns)
        if strongest > 0 and 0.0 in scores.columns:
            read = reading(value, row.score)
            change = interval(read.scaled(scores[strongest]) - read.scaled(scores[0.0]))
            yield (
                f"Between no augmentation and strength {strongest:g}, {label} differs by "
                f"{read.gain_text(change.mean)}{within(read, change.low, change.high)} at {row.train_size:,} "
                f"{examples(row.domain)}, an estimate."
            )


def _rates(tables: Tables, sides: pd.DataFrame, value: str) -> Iterator[str]:
    """Say how many images the opponents need to be as good as the equivariant network of the smallest training set.

    All that is said holds with 95 % together.
    """
    smallest = sides[sides["train_size"] == sides["train_size"].min()]
    runs = of_part(tables.runs, smallest.iloc[0])

    def of_images(of: int) -> pd.DataFrame:
        rows = brackets(runs, value, of)
        here = rows["train_size"].isin(smallest["train_size"]) & rows["label"].isin(smallest["label"])
        return rows[(rows["along"] == "train_size") & here]

    for row in each(of_images(max(len(of_images(1)), 1))):
        needs = bracket_text(row)
        said = f"{needs.replace('not bounded', 'a number that these seeds do not bound')}"
        mine = f"{row.train_size:,} {examples(row.domain)}"
        yield f"To score as well as {row.label} does with {mine}, {row.plain_label} needs {said}."


def _times(tables: Tables, sides: pd.DataFrame) -> Iterator[str]:
    """Compare the seconds of training to one score at the largest training-set size, each side at its fastest."""
    row = _telling(sides)
    times = matched_time(Tables(*(_of(frame, row) for frame in vars(tables).values())))
    times = times[(times["train_size"] == row.train_size) & (times["reached"] == times["n"])]
    mine = [times[times["label"] == label].sort_values("seconds") for label in (row.plain_label, row.label)]
    if any(each_side.empty for each_side in mine):
        return
    plain, equivariant = (each_side.iloc[0] for each_side in mine)
    shared = (done(tables.runs)["timing"] == "shared").any()
    parts = [
        f"{time['label']} trains {time['seconds']:.3g} s (give or take {time['apart']:.2g})"
        for time in (plain, equivariant)
    ]
    yield (
        f"To {SCORES[row.score].text(plain['target'])} on transformed validation inputs, which both reach with "
        f"{row.train_size:,} {examples(row.domain)}, {' and '.join(parts)}"
        f"{'; cells shared the processor, so these seconds are indications' if shared else ''}."
    )


def _controls(runs: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    """Say what resampling alone costs the two networks of the largest training set, and what only moving them does."""
    row = _telling(rows)
    parts = []
    for prefix in _SIDES:
        cells = side(runs, row, prefix)
        if cells["resampled_score"].isna().all():
            return
        lost = losses(cells)
        read = SCORES[row.score]
        exactly = "" if pd.isna(lost.exact.mean) else f", {read.gain_text(lost.exact.mean)} by moving them exactly"
        pixels = f"{read.gain_text(lost.resampled.mean)}{within(read, lost.resampled.low, lost.resampled.high)}"
        parts.append(
            f"{_named(row, prefix)} loses {pixels} of its upright {read.label} by resampling alone{exactly} and "
            f"{read.gain_text(lost.transformed.mean)} by both"
        )
    yield f"What the pixels cost, with {row.train_size:,} {examples(row.domain)}: {'; '.join(parts)}."


def _exactness(tables: Tables, rows: pd.DataFrame) -> Iterator[str]:
    """Say how equivariant the two networks of the largest training set are, at the exact angle and between."""
    row = _telling(rows)
    errors = _of(tables.equivariance, row)
    errors = errors[
        (errors["layer"] == "output") & (errors["stage"] == "trained") & (errors["train_size"] == row.train_size)
    ]
    errors = errors[~errors["kind"].str.startswith("mirrored") & errors["metric"].str.startswith("relative")]
    means = errors.groupby(["label", "magnitude"])["error"].mean()
    errors_of = []
    for label in (row.label, row.plain_label):
        at = means[label] if label in means.index.get_level_values("label") else means.iloc[:0]
        if at.empty:
            continue
        unit = errors["unit"].iloc[0]
        # the angle at which pixels are permuted; elsewhere the nearest to nothing
        least = 90.0 if unit == "degrees" and 90.0 in at.index else at.index.min()
        worst = "angle" if unit == "degrees" else unit
        errors_of.append(f"{label} {at[least]:.1g} at {least:g} {unit} and {at.max():.2g} at its worst {worst}")
    if errors_of:
        yield f"Equivariance error after training: {'; '.join(errors_of)}."


def _fairness(runs: pd.DataFrame) -> Iterator[str]:
    """Say which seeds chose and which tested, and in what the networks are alike."""
    matched = sorted({str(by) for by in done(runs)["match_by"].dropna()})
    sizes = f"networks are matched by {' and '.join(matched)}" if matched else "networks are not matched in size"
    rules = dict.fromkeys(str(Rule.of(part)) for _, part in done(runs).groupby(PART))
    yield f"Strengths were {' or '.join(rules)}; {sizes}."


def _missing(runs: pd.DataFrame) -> Iterator[str]:
    """Say which trainings came to nothing, and what is not part of the answer."""
    yield from failures(runs)
    skipped = int((runs["status"] == "skipped").sum())
    if skipped:
        yield f"Not part of it: {skipped} cells that cannot be."
    if not runs.empty and not is_plain(runs).any():
        yield "There is no plain network (one of the group C1) to compare with."


def _of(frame: pd.DataFrame, row: Any) -> pd.DataFrame:
    """Return the rows of a table that are of the two networks of a comparison."""
    here = of_part(frame, row)
    return here[here["label"].isin([row.plain_label, row.label])]


def _named(row: Any, prefix: str) -> str:
    strength, copies = getattr(row, f"{prefix}strength"), getattr(row, f"{prefix}copies")
    fixed = f" in {copies} copies" if copies and strength else ""
    how = f"augmented with strength {strength:g}{fixed}" if strength else "not augmented"
    return f"{getattr(row, f'{prefix}label')} ({how})"


def within(read: Score, low: float, high: float) -> str:
    """Return the interval of a difference of scaled scores in brackets, or nothing where there is none."""
    return "" if pd.isna(low) else f" (95 % interval {read.range_text(low, high)})"
