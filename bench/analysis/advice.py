"""What a small matrix says about a user's own images: which symmetry they have, and whether to build it in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis.chance import nothing_learned
from bench.analysis.controls import losses
from bench.analysis.differences import SIGNIFICANT, holm, tested_among
from bench.analysis.headline import headline
from bench.analysis.opponents import is_plain
from bench.analysis.orientation import TwoSamples, seen
from bench.analysis.paired import Paired, difference, tested
from bench.analysis.rule import Rule
from bench.analysis.summary import Interval, done
from bench.analysis.verdict import within
from bench.results.tables import Tables
from bench.scores import SCORES

#: The loss of accuracy, as a share, up to which images are said to look the same to a network when they are moved.
ALIKE = 0.02

#: The probability of naming a difference where there is none, of each of the two questions: together 5 %.
EACH = SIGNIFICANT / 2

_ACCURACY = SCORES["accuracy"]

_CHOICE = ["augmentation_group", "label", "strength"]


@dataclass(frozen=True)
class Advice:
    """The recommendation in one sentence, and those that give the reasons."""

    headline: str
    sentences: tuple[str, ...]


def advice(tables: Tables, tests: Sequence[TwoSamples] = ()) -> Advice:
    """Return what to do with the images of one data set, from a matrix of plain and equivariant networks on them.

    Two questions are kept apart: how well a network does on images as they come (upright), where a symmetry that the
    classes do not have costs accuracy, and on images that come in any orientation. What may be chance is said to be so.
    That images have an orientation, or none, is said of exact moves alone: from ``tests``, in which a network tried to
    tell images from moved ones, and from the scores on exactly moved images. No advice where nothing was learned.
    """
    runs = done(tables.runs)
    runs = runs[runs["train_size"] == runs["train_size"].max()]
    if reason := nothing_learned(done(tables.runs)):
        return Advice(f"No advice: {reason}.", tuple(f"{test.group}: {test}." for test in tests))
    plain = runs[is_plain(runs) & (runs["strength"] == 0)]
    if plain.empty or is_plain(runs).all():
        return Advice("No advice: the plain or the equivariant networks have not been trained.", ())
    best = _best(runs)
    blind = {group: _best(cells) for group, cells in runs[runs["strength"] == 1].groupby("augmentation_group")}
    # the best of all and of each group's fully augmented ones, held against the plain network: tested together
    of_best, *of_blind = _changes([_fresh(cells, plain) for cells in (best, *blind.values())])
    price = dict(zip(blind, zip(blind.values(), of_blind, strict=True), strict=True))
    sentences = [*_symmetries(runs, tests), *_price(price, tests), *_strengths(runs), *_cost(runs, best)]
    sentences += [f"If images may come in any orientation. {headline(tables, significant=EACH)}", _sure(runs)]
    return Advice(_headline(plain, best, of_best), tuple(sentences))


@dataclass(frozen=True)
class _Change:
    """A difference of accuracies, its interval at the level at which it was tested, and whether it is surely one."""

    mean: float
    ends: tuple[float, float]
    is_sure: bool

    def __str__(self) -> str:
        return _text(self.mean, *self.ends)


def _changes(differences: Sequence[Paired]) -> list[_Change]:
    """Return differences as Holm's procedure tests them together: intervals leave out zero where one is sure."""
    p = np.array([each.p for each in differences])
    corrected = holm(p)
    counts = tested_among(p, corrected, EACH)
    return [
        _Change(each.mean, each.interval(EACH / count), bool(p_holm < EACH))
        for each, p_holm, count in zip(differences, corrected, counts, strict=True)
    ]


def _headline(plain: pd.DataFrame, best: pd.DataFrame, gain: _Change) -> str:
    """Compare the choice that did best on the pilot seeds with a plain network without augmentation, on the others."""
    label, strength, group = (best[key].iloc[0] for key in ("label", "strength", "augmentation_group"))
    how = f"with augmentation by {group} of strength {strength:g}" if strength else "without augmentation"
    if label == plain["label"].iloc[0] and strength == 0:
        return f"For images as they come: use the plain network ({label}) without augmentation; nothing did better."
    if gain.is_sure and gain.mean > 0:
        return f"For images as they come: use {label} {how}; it gains {gain} over the plain network without either."
    return (
        f"For images as they come: no difference that this budget can show. {label} {how} did best in validation, and "
        f"differs from the plain network without either by {gain} on test images."
    )


def _symmetries(runs: pd.DataFrame, tests: Sequence[TwoSamples]) -> Iterator[str]:
    """Say for every group whether images have an orientation, and what a plain network loses when they are moved.

    Both are judged on moves that permute pixels; what resampling costs is told apart.
    """
    visible = seen(tests)
    untouched = runs[is_plain(runs) & (runs["strength"] == 0)]
    for group, cells in untouched.groupby("augmentation_group"):
        test = next((test for test in tests if test.group == group), None)
        if test:
            yield f"{group}: {test}."
        lost = losses(cells)
        answer = _orientation(lost.exact, test is not None, group in visible)
        if math.isnan(lost.exact.mean):
            yield f"{group}: {answer}."
            continue
        exactly = f"{_text(lost.exact.mean, lost.exact.low, lost.exact.high)} when they are moved exactly"
        yield f"{group}: a plain network trained on the images as they are loses {exactly}: {answer}."
        if (cells["resampled_score"] != cells["test_score"]).any():
            both = f"{_text(lost.transformed.mean, lost.transformed.low, lost.transformed.high)}"
            pixels = f"{_text(lost.resampled.mean, lost.resampled.low, lost.resampled.high)}"
            yield (
                f"{group}: moved by any angle, so that they are also resampled, it loses {both}; resampling them "
                f"without moving them costs {pixels}."
            )


def _orientation(loss: Interval, was_tested: bool, is_seen: bool) -> str:
    """Return what the loss on exactly moved images, and the direct test if there was one, say of the orientation."""
    if loss.low > ALIKE and was_tested and not is_seen:
        # the seeds share their test images: an interval over seeds does not know how few these are
        return "no orientation can be seen in the images; the loss may be that of so few test images"
    if loss.low > ALIKE:
        return "the images have a preferred orientation"
    if is_seen and loss.high <= ALIKE:
        return "the images have a preferred orientation, but the network does not lean on it"
    if is_seen:
        return "the images have a preferred orientation; whether the network leans on it, this budget cannot show"
    if was_tested and loss.high <= ALIKE:
        return "no orientation can be seen, and the images look alike when they are moved so"
    if was_tested:
        return "no orientation can be seen; whether the network leans on one, this budget cannot show"
    return "whether the images have an orientation, this budget cannot show"


def _price(price: Mapping[str, tuple[pd.DataFrame, _Change]], tests: Sequence[TwoSamples]) -> Iterator[str]:
    """Say for every group what it costs on upright images to make a network blind to it.

    ``price`` has the best fully augmented network and its change against the plain one.
    """
    visible = seen(tests)
    for group, (cells, change) in price.items():
        label = cells["label"].iloc[0]
        said = f"{group}: full augmentation, with {label}, changes the accuracy on upright images by {change}"
        if not change.is_sure:
            yield f"{said}, which may be chance."
        elif change.mean > 0:
            yield f"{said}: it helps."
        elif group in visible:
            yield (
                f"{said}: do not augment it away. Orientation may tell classes apart (as 6 from 9), or the harder task "
                "may need longer training."
            )
        else:
            yield f"{said}: do not augment so. It may be the harder task, as no orientation can be seen in the images."


def _strengths(runs: pd.DataFrame) -> Iterator[str]:
    """Say which strength of augmentation did best for the plain network, by validation on upright images."""
    for group, cells in runs[is_plain(runs)].groupby("augmentation_group"):
        scores = cells.groupby("strength")["upright_validation_score"].mean()
        if len(scores) > 1:
            listed = ", ".join(f"{100 * score:.1f} % at {strength:g}" for strength, score in scores.items())
            at = f"{scores.idxmax():g} ({listed})"
            yield f"{group}: the plain network validates best on upright images at strength {at}."


def _cost(runs: pd.DataFrame, best: pd.DataFrame) -> Iterator[str]:
    plain = runs[is_plain(runs)]
    if not is_plain(best).any():
        ratio = best["train_seconds"].mean() / plain["train_seconds"].mean()
        flops = best["flops_per_example"].mean() / plain["flops_per_example"].mean()
        shared = "; cells shared the processor, so seconds are indications"
        sharing = shared if (runs["timing"] == "shared").any() else ""
        yield (
            f"Training {best['label'].iloc[0]} takes {ratio:.2g} times the seconds of the plain network, at "
            f"{flops:.2g} times its FLOPs{sharing}."
        )


def _sure(runs: pd.DataFrame) -> str:
    steps, images = runs["steps"].max(), runs["train_size"].max()
    return (
        f"Choices were {Rule.of(runs)}, each of the two questions at {1 - EACH:.1%}, so that at most one matrix of "
        f"{1 / SIGNIFICANT:.0f} in which nothing differs names a difference; this rests on {steps:,.0f} training steps "
        f"with {images:,} images; differences smaller than the intervals, and what longer training would change, are "
        "beyond it."
    )


def _text(mean: float, low: float, high: float) -> str:
    """Return a difference of accuracies with its interval."""
    return _ACCURACY.gain_text(mean) + within(_ACCURACY, low, high)


def _best(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the choice with the best mean upright validation score on the pilot seeds."""
    pilot = runs[runs["seed"].isin(Rule.of(runs).pilot)]
    means = pilot.groupby(_CHOICE)["upright_validation_score"].mean()
    return runs.set_index(_CHOICE).loc[[means.idxmax()]].reset_index()


def _fresh(cells: pd.DataFrame, plain: pd.DataFrame) -> Paired:
    """Return what cells gain over the plain ones on upright test images, on the seeds that chose nothing."""
    fresh = Rule.of(plain).fresh
    # without augmentation the groups' cells are the same training: one per seed
    mine, theirs = (tested(each[each["seed"].isin(fresh)], "test_score") for each in (cells, plain))
    return difference(mine, theirs)
