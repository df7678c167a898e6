"""The answer in words to the question: build the symmetry in, or learn it from augmented data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.chance import nothing_learned
from bench.analysis.controls import losses
from bench.analysis.duels import CHOICE, PART, duels, is_plain, overall
from bench.analysis.exchange import exchange_rates, rate_text
from bench.analysis.failures import failures
from bench.analysis.matched_time import matched_time
from bench.analysis.settled import REST, last_gain
from bench.analysis.summary import done, each, interval
from bench.tables import Tables


@dataclass(frozen=True)
class Verdict:
    """One sentence that answers, and those that say by how much, at what price and how surely."""

    headline: str
    sentences: tuple[str, ...]


def verdict(tables: Tables, value: str = "transformed_accuracy") -> Verdict:
    """Return the answer that the tables give, for all their data sets and augmentation groups.

    ``value`` is the score that decides: ``transformed_accuracy`` where inputs come in any orientation,
    ``test_accuracy`` where they come as the data do. What may be chance is never called a difference.
    """
    answers = list(_answers(tables, value))
    if not answers:
        return Verdict(NO_ANSWER, tuple(_missing(tables.runs)))
    sentences: list[str] = []
    for rows, _, is_learned in answers:
        if not is_learned:
            continue
        # exchange rates are of transformed inputs
        rates = _rates(tables, rows) if value == "transformed_accuracy" else ()
        sentences += [*_scores(rows), *_augmentation(tables.runs, rows, value), *rates]
        sentences += [*_times(tables, rows), *_controls(tables.runs, rows), *_exactness(tables, rows)]
    headlines = " ".join(sentence for _, sentence, _ in answers)
    return Verdict(headlines, (*sentences, *_fairness(tables.runs), *_missing(tables.runs)))


def headline(tables: Tables, value: str = "transformed_accuracy") -> str:
    """Return the first sentence of `verdict` alone, without the analyses that the others take."""
    return " ".join(sentence for _, sentence, _ in _answers(tables, value)) or NO_ANSWER


NO_ANSWER = "No answer: no training-set size has both a plain and an equivariant network that are done."


def _answers(tables: Tables, value: str) -> Iterator[tuple[pd.DataFrame, str, bool]]:
    """Yield the duels of every data set and augmentation group, their answer, and whether anything was learned."""
    runs = tables.runs
    table = duels(runs, value)
    for mean in each(overall(runs, value)):
        rows = table[_is_of(table, mean)]
        reason = nothing_learned(runs[_is_of(runs, mean)])
        where = f"On {mean.dataset}, moved by {mean.augmentation_group}"
        answer = (
            f"{where}: {reason}." if reason else f"{_headline(rows, mean)}{_withheld(rows)}{_unsettled(tables, rows)}"
        )
        yield rows, answer, reason is None


def _headline(rows: pd.DataFrame, mean: Any) -> str:
    where = f"On {mean.dataset}, moved by {mean.augmentation_group}"
    winners = dict(zip(rows["train_size"], rows["winner"], strict=True))
    of_sizes = f"{points(mean.difference)} on average over the training-set sizes"
    if set(winners.values()) == {"equivariant"}:
        return f"{where}: build the symmetry in. It wins at every training-set size, by {of_sizes}."
    if set(winners.values()) == {"plain"}:
        return f"{where}: augment a plain network. It wins at every training-set size, by {of_sizes}."
    if not any(winners.values()):
        if mean.winner:
            side = "build the symmetry in" if mean.winner == "equivariant" else "augment a plain network"
            return f"{where}: {side}. It wins by {of_sizes}, though no single size shows it surely."
        return f"{where}: no difference that this budget can show ({of_sizes}, which may be chance)."
    parts = [
        f"{text} {' and '.join(f'{size:,}' for size, winner in winners.items() if winner == side)} images"
        for side, text in (
            ("equivariant", "build the symmetry in at"),
            ("plain", "augment a plain network at"),
            ("", "no difference that this budget can show at"),
        )
        if side in winners.values()
    ]
    return f"{where}: {'; '.join(parts)}."


def _withheld(rows: pd.DataFrame) -> str:
    """Say of which networks trainings are missing, so that a difference names no winner."""
    labels = [label for label in dict.fromkeys(rows["lacking"]) if label]
    return f" Trainings of {' and '.join(labels)} failed: where they are missing, nobody wins." if labels else ""


def _unsettled(tables: Tables, rows: pd.DataFrame) -> str:
    """Say which of the networks still learned when their budget ended, so that a longer one may answer otherwise."""
    gains: dict[str, float] = {}
    for row in each(rows):
        for side in ("plain", "equivariant"):
            cells = _side(_of(done(tables.runs), row), row, side)
            gain = last_gain(tables.curves, cells["cell_id"]).mean
            if gain > REST:
                label = getattr(row, f"{side}_label")
                gains[label] = max(gain, gains.get(label, 0.0))
    if not gains:
        return ""
    *others, last = [f"{label} (by up to {points(gain)})" for label, gain in gains.items()]
    told = f"{', '.join(others)} and {last}" if others else last
    return (
        f" Not settled: towards the end of training {told} still gained, so that longer training may answer otherwise."
    )


def _side(cells: pd.DataFrame, row: Any, side: str) -> pd.DataFrame:
    """Return the cells of one side of a duel."""
    at = {key: getattr(row, f"{side}_{key}") for key in CHOICE}
    return cells[(cells["train_size"] == row.train_size) & (cells[CHOICE] == pd.Series(at)).all(axis=1)]


def _scores(rows: pd.DataFrame) -> Iterator[str]:
    for row in each(rows):
        sure = (
            f"95 % interval {100 * row.low:.1f} to {100 * row.high:.1f}, p = {row.p_holm:.2g} after Holm's correction"
        )
        yield (
            f"With {row.train_size:,} images {_named(row, 'equivariant')} scores {_percent(row, 'equivariant')} and "
            f"{_named(row, 'plain')} {_percent(row, 'plain')}: a difference of {points(row.difference)} "
            f"({sure if row.n > 1 else 'one seed, no interval'})."
        )


def _augmentation(runs: pd.DataFrame, rows: pd.DataFrame, value: str) -> Iterator[str]:
    """Say what augmentation gives either side at the largest training-set size."""
    row = next(each(rows.tail(1)))
    for side in ("plain", "equivariant"):
        label = getattr(row, f"{side}_label")
        cells = _of(done(runs), row)
        cells = cells[(cells["label"] == label) & (cells["train_size"] == row.train_size)]
        scores = cells.pivot_table(index="seed", columns="strength", values=value)
        strongest = max(scores.columns)
        if strongest > 0 and 0.0 in scores.columns:
            change = interval(scores[strongest] - scores[0.0])
            yield (
                f"Between no augmentation and strength {strongest:g}, {label} differs by "
                f"{points(change.mean)}{within(change.low, change.high)} at {row.train_size:,} images, an estimate."
            )


def _rates(tables: Tables, rows: pd.DataFrame) -> Iterator[str]:
    """Say what the equivariant network of the smallest training set is worth in images."""
    row = next(each(rows))
    pair = Tables(*(_of(frame, row) for frame in vars(tables).values()))
    found = exchange_rates(pair, "train_size", row.plain_label)
    mine = found[
        (found["label"] == row.equivariant_label)
        & (found["train_size"] == row.train_size)
        & (found["strength"] == row.equivariant_strength)
        & (found["reference_strength"] == row.plain_strength)
    ]
    for rate in each(mine.head(1)):
        text = rate_text(rate)
        said = (
            "how many times as many is not bounded by these sizes" if text == "not bounded" else f"needs {text} as many"
        )
        yield (
            f"To score as well as {_named(row, 'equivariant')} does with {row.train_size:,} images, "
            f"{_named(row, 'plain')} {said}."
        )


def _times(tables: Tables, rows: pd.DataFrame) -> Iterator[str]:
    """Compare the seconds of training to one score at the largest training-set size, each side at its fastest."""
    row = next(each(rows.tail(1)))
    times = matched_time(tables)
    times = times[(times["dataset"] == row.dataset) & (times["augmentation_group"] == row.augmentation_group)]
    times = times[(times["train_size"] == row.train_size) & (times["reached"] == times["n"])]
    groups = tables.runs.groupby("label")["group"].first()
    plain = times["label"].map(groups) == "C1"
    if not plain.any() or plain.all():
        return
    fast, slow = (times[side].sort_values("seconds").iloc[0] for side in (plain, ~plain))
    shared = (done(tables.runs)["timing"] == "shared").any()
    sides = " and ".join(f"{side['label']} trains {side['seconds']:.3g} s" for side in (fast, slow))
    yield (
        f"To {100 * fast['target']:.1f} % on transformed validation inputs, which all families reach with "
        f"{row.train_size:,} images, {sides}"
        f"{'; cells shared the processor, so these seconds are indications' if shared else ''}."
    )


def _controls(runs: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    """Say what resampling alone costs the two networks of the largest training set, and what only moving them does."""
    row = next(each(rows.tail(1)))
    parts = []
    for side in ("plain", "equivariant"):
        cells = _side(_of(done(runs), row), row, side)
        if cells["resampled_accuracy"].isna().all():
            return
        lost = losses(cells)
        exactly = "" if pd.isna(lost.exact.mean) else f", {points(lost.exact.mean)} by moving them exactly"
        parts.append(
            f"{_named(row, side)} loses {points(lost.resampled.mean)}{within(lost.resampled.low, lost.resampled.high)} "
            f"of its upright accuracy by resampling alone{exactly} and {points(lost.transformed.mean)} by both"
        )
    yield f"What the pixels cost, with {row.train_size:,} images: {'; '.join(parts)}."


def _exactness(tables: Tables, rows: pd.DataFrame) -> Iterator[str]:
    """Say how equivariant the two networks of the largest training set are, at the exact angle and between."""
    row = next(each(rows.tail(1)))
    errors = _of(tables.equivariance, row)
    errors = errors[
        (errors["layer"] == "output") & (errors["stage"] == "trained") & (errors["train_size"] == row.train_size)
    ]
    errors = errors[~errors["mirror"].astype(bool) & errors["metric"].str.startswith("relative")]
    means = errors.groupby(["label", "degrees"])["error"].mean()
    found = [
        (label, {degrees: error for (name, degrees), error in means.items() if name == label})
        for label in (row.equivariant_label, row.plain_label)
    ]
    told = [
        f"{label} {by_angle[90.0]:.1g} at 90 degrees and {max(by_angle.values()):.2g} at its worst angle"
        for label, by_angle in found
        if 90.0 in by_angle
    ]
    if told:
        yield f"Equivariance error after training: {'; '.join(told)}."


def _fairness(runs: pd.DataFrame) -> Iterator[str]:
    cells = done(runs)
    matched = sorted({str(by) for by in cells["match_by"].dropna()})
    seeds = cells.groupby([*PART, "label", "strength", "train_size"])["seed"].nunique()
    yield (
        f"Each figure is a mean over {_range(seeds.min(), seeds.max())} seeds; "
        + (f"networks are matched by {' and '.join(matched)}." if matched else "networks are not matched in size.")
    )


def _missing(runs: pd.DataFrame) -> Iterator[str]:
    """Say which trainings came to nothing, and what is not part of the answer."""
    yield from failures(runs)
    skipped = int((runs["status"] == "skipped").sum())
    if skipped:
        yield f"Not part of it: {skipped} cells that cannot be."
    if not runs.empty and not is_plain(runs).any():
        yield "There is no plain network (one of the group C1) to compare with."


def _of(frame: pd.DataFrame, row: Any) -> pd.DataFrame:
    """Return the rows of a table that are of the two networks of a duel."""
    return frame[_is_of(frame, row) & frame["label"].isin([row.plain_label, row.equivariant_label])]


def _is_of(frame: pd.DataFrame, row: Any) -> pd.Series[bool]:
    """Return which rows of a table are of the data set and the augmentation group of ``row``."""
    return (frame["dataset"] == row.dataset) & (frame["augmentation_group"] == row.augmentation_group)


def _named(row: Any, side: str) -> str:
    strength, copies = getattr(row, f"{side}_strength"), getattr(row, f"{side}_copies")
    fixed = f" in {copies} copies" if copies and strength else ""
    return (
        f"{getattr(row, f'{side}_label')} (augmented with strength {strength:g}{fixed})"
        if strength
        else str(getattr(row, f"{side}_label")) + " (not augmented)"
    )


def _percent(row: Any, side: str) -> str:
    return f"{100 * getattr(row, f'{side}_mean'):.1f} %"


def points(share: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * share:.1f} points"


def within(low: float, high: float) -> str:
    """Return the interval of a difference of shares in brackets, or nothing where there is none."""
    return "" if pd.isna(low) else f" (95 % interval {100 * low:.1f} to {100 * high:.1f})"


def _range(least: int, most: int) -> str:
    return f"{most}" if least == most else f"{least} to {most}"
