"""True against false positives: each class against the rest, and all together, on moved test inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import stdtrit

from bench.analysis.summary import LEVEL, done
from bench.figures import layout, style
from bench.figures.looks import looks
from bench.figures.settings import examples_of, extremes, note, obstacle
from bench.results.tables import Tables
from bench.roc import Floats, curve, one_hot, unpack

ANSWERS = "transformed_answers"
MOST_CLASSES = 5

#: Shares of false positives at which curves of several seeds are averaged; a thousandth is where telescopes work.
AT = np.concatenate([[0.0], np.geomspace(1e-3, 1, 61)])


def reason(tables: Tables) -> str | None:
    """Return why there is no such figure, or None."""
    if against := obstacle(tables):
        return against
    return None if len(_answered(tables)) else "no cell has its answers, which 'measure: {roc: true}' asks for"


@style.paper()
def draw(tables: Tables, on: Sequence[Axes] | None = None) -> Figure | None:
    """Return a panel for all classes together (micro) and one for each, of the largest training set, or None.

    Curves are means over seeds at equal shares of false positives, which have a logarithmic axis, bands their 95 %
    t-intervals at each; solid without augmentation, dashed with the strongest. None where `reason` says why not.
    """
    if reason(tables):
        return None
    runs = _answered(tables)
    runs = runs[runs["strength"].isin(extremes(tables.runs))]
    largest = runs[runs["train_size"] == runs["train_size"].max()]
    appearance = looks(tables.runs)
    shown = [label for label in appearance if label in set(largest["label"])]
    classes = len(unpack(largest[ANSWERS].iloc[0])[1][0])
    each = range(classes) if classes <= MOST_CLASSES else range(0)
    figure, axes = layout.panels(["all classes together", *(f"class {k} against the rest" for k in each)], on=on)
    for (label, strength), cells in largest.groupby(["label", "strength"]):
        of_seeds = np.array([_curves(text) for text in cells[ANSWERS]])
        mean, half = of_seeds.mean(0), _half(of_seeds)
        colour = appearance[label].colour
        for ax, middle, width in zip(axes, mean, half, strict=False):
            ax.plot(AT, middle, style.dash(strength), color=colour, linewidth=1)
            ax.fill_between(AT, middle - width, middle + width, color=colour, alpha=0.12, linewidth=0)
    for ax in axes:
        ax.set(xscale="symlog", xlim=(0, 1), ylim=(0, 1.02))
        ax.set_xscale("symlog", linthresh=1e-3, linscale=0.3)
        # a thousandth lies too close to nothing for both to be written
        ax.set_xticks([0, 1e-3, 1e-2, 1e-1, 1], ["0", "", "1 %", "10 %", "100 %"])
    layout.label_axes(axes, "false positives", "true positives")
    entries = {label: style.entry(appearance[label]) for label in shown}
    entries |= style.strength_entries(sorted(set(largest["strength"])))
    size = f"trained on {int(largest['train_size'].iloc[0]):,} {examples_of(tables)}"
    seeds = largest.groupby(["label", "strength"])["seed"].nunique()
    return layout.finish(figure, entries, note(tables, "test inputs moved by", seeds, size), on)


def _answered(tables: Tables) -> pd.DataFrame:
    runs = done(tables.runs)
    answered: pd.DataFrame = runs[runs[ANSWERS].notna()] if ANSWERS in runs else runs.iloc[:0]
    return answered


def _half(of_seeds: Floats) -> Floats:
    """Return half of the t-interval over seeds, the first axis; nothing where there is but one."""
    n = len(of_seeds)
    if n < 2:
        return np.zeros(of_seeds.shape[1:])
    half: Floats = stdtrit(n - 1, (1 + LEVEL) / 2) * of_seeds.std(0, ddof=1) / n**0.5
    return half


def _curves(text: str) -> Floats:
    """Return true positives at `AT` of all classes together and of each, (1 + K, T)."""
    labels, probabilities = unpack(text)
    is_class = one_hot(labels, probabilities.shape[1])
    pairs = [(probabilities.ravel(), is_class.ravel()), *zip(probabilities.T, is_class.T, strict=True)]
    rows = []
    for scores, positive in pairs:
        false, true = curve(scores, positive)
        # the most true positives for no more than so many false ones
        rows.append(true[np.searchsorted(false, AT, side="right") - 1])
    return np.array(rows)
