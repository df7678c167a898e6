"""The look of every figure: a paper's type sizes, lines with intervals, the samples of the legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.figures.looks import Look

GREY = "#555555"

RC: dict[Any, Any] = {
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8,
    "figure.dpi": 150,
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "legend.fontsize": 7,
    "lines.linewidth": 1.0,
    "lines.markeredgewidth": 0.8,
    "lines.markersize": 3.5,
    # 42 embeds TrueType, which journals ask for; the default of 3 is refused by many
    "pdf.fonttype": 42,
    "xtick.labelsize": 7,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "xtick.minor.size": 0,
    "ytick.labelsize": 7,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
    "ytick.minor.size": 0,
}


@contextmanager
def paper() -> Iterator[None]:
    """Draw or save in the project's style; the caller's own settings return afterwards."""
    with mpl.rc_context({**sns.axes_style("ticks"), **RC}):
        yield


def line(ax: Axes, x: Any, points: pd.DataFrame, look: Look, label: str, linestyle: str = "-") -> None:
    """Draw the means of ``points`` against ``x``, with bars to the ends of the intervals where there are any."""
    sns.lineplot(
        x=np.asarray(x, float),
        y=points["mean"].to_numpy(float),
        ax=ax,
        estimator=None,
        errorbar=None,
        legend=False,
        linestyle=linestyle,
        **look.keywords(),
    )
    ax.lines[-1].set_label(label)
    bars(ax, x, points, look, label)


def bars(ax: Axes, x: Any, points: pd.DataFrame, look: Look, label: str) -> None:
    """Draw the intervals of ``points`` at ``x`` as vertical bars."""
    known = points["low"].notna().to_numpy()
    if known.any():
        middle, low, high = (points.loc[known, end].to_numpy(float) for end in ("mean", "low", "high"))
        ax.errorbar(
            np.asarray(x, float)[known],
            middle,
            yerr=(middle - low, high - middle),
            fmt="none",
            ecolor=look.colour,
            elinewidth=0.7,
            capsize=1.5,
            capthick=0.7,
            label=label,
        )


def above_zero(low: pd.Series[float], mean: pd.Series[float]) -> pd.Series[float]:
    """Return the lower ends that a logarithmic axis can show: an interval that reaches zero has no lower half."""
    ends: pd.Series[float] = low.where((low > 0) | low.isna(), mean)
    return ends


def entry(look: Look) -> Line2D:
    """Return the legend's sample of a label."""
    return Line2D([], [], **look.keywords())


def dash(strength: float) -> Literal["-", "--"]:
    """Return the line style of a strength: solid without augmentation, dashed with it."""
    return "--" if strength else "-"


def strength_entries(strengths: Sequence[float]) -> dict[str, Line2D]:
    """Return the legend's samples of the line styles."""
    return {named(strength): Line2D([], [], color=GREY, linestyle=dash(strength)) for strength in strengths}


def named(strength: float) -> str:
    """Return what a reader calls a strength."""
    return f"augmentation strength {strength:g}" if strength else "no augmentation"
