"""Tables to figures, one file per figure; a figure that cannot be drawn says why."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from bench.atomic import write_atomically
from bench.figures import (
    comparisons,
    equivariance_by_angle,
    equivariance_by_layer,
    exchange,
    gap_by_size,
    learning_curves,
    measurements,
    roc,
    score_by_size,
    score_by_strength,
    score_by_time,
)
from bench.figures.settings import split
from bench.figures.style import paper
from bench.results.tables import Tables

_MODULES = (
    comparisons,
    exchange,
    score_by_strength,
    score_by_size,
    gap_by_size,
    equivariance_by_angle,
    equivariance_by_layer,
    score_by_time,
    learning_curves,
    roc,
    measurements,
)

FIGURES: dict[str, Callable[..., Figure | None]] = {m.__name__.rpartition(".")[2]: m.draw for m in _MODULES}
REASONS: dict[str, Callable[[Tables], str | None]] = {m.__name__.rpartition(".")[2]: m.reason for m in _MODULES}

#: What figures were called in 0.1; the names are still understood, and their files are replaced.
FORMER = {f"accuracy_by_{axis}": f"score_by_{axis}" for axis in ("strength", "size", "time")}

# neither names a date, so that the same tables give the same files
_FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

__all__ = ["FIGURES", "FORMER", "REASONS", "draw_all", "skipped"]


def draw_all(tables: Tables, folder: Path) -> list[Path]:
    """Write every figure that the tables allow, as PNG (300 dpi) and PDF, and return the files.

    Tables of several settings (data sets, augmentation groups, ...) give one file per setting, whose name says which.
    Figures of earlier tables that these do not give are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for setting, part in split(tables).items():
        for name, draw in FIGURES.items():
            figure = draw(part)
            if figure is not None:
                written += [_save(figure, folder / f"{_named(name, setting)}.{kind}") for kind in _FORMATS]
                figure.clear()
    for name in (*FIGURES, *FORMER):
        for kind in _FORMATS:
            for path in {folder / f"{name}.{kind}", *folder.glob(f"{name}-*.{kind}")}.difference(written):
                path.unlink(missing_ok=True)
    return written


def skipped(tables: Tables) -> dict[str, str]:
    """Return, for every figure that `draw_all` leaves out, its name and the reason.

    Those of measurements that a suite did not ask for are missed by nobody.
    """
    return {
        _named(name, setting): against
        for setting, part in split(tables).items()
        for name, reason in REASONS.items()
        if name not in ("measurements", "roc") and (against := reason(part))
    }


def _named(figure: str, setting: str) -> str:
    return f"{figure}-{setting}" if setting else figure


def _save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the file's suffix."""
    kind = path.suffix[1:]
    buffer = io.BytesIO()
    with paper():
        figure.savefig(buffer, format=kind, dpi=300, metadata=_FORMATS[kind])
    write_atomically(path, buffer.getvalue())
    return path
