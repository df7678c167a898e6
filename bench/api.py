"""equivaug from a notebook or a script: load a suite, run it, get DataFrames, draw a figure on given axes.

    from bench import api

    tables = api.run("quick", overrides=["seeds=1"])
    tables.runs.groupby("label").transformed_score.mean()
    api.draw(tables, "score_by_strength")
    print(api.verdict(tables).headline)

Cells run in worker processes, which do not run the calling script. Only a script that registers a family, a data set
or a measurement itself, rather than in a plug-in's file, is run by them too: it keeps its calls of `run` behind
``if __name__ == "__main__":``.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import backend as _backend  # noqa: F401 - before anything that imports matplotlib
from bench import run as runs
from bench import suite
from bench.analysis.verdict import Verdict, verdict
from bench.errors import UserError, nearest
from bench.execute.job import run_cells
from bench.figures import FIGURES, FORMER, REASONS
from bench.plan.prepare import prepare
from bench.plugins import WithPlugins
from bench.registry import registered_in_main
from bench.results import tables as results_tables
from bench.results.store import STANDING
from bench.results.tables import Tables
from bench.suite import Suite

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Suite", "Tables", "Verdict", "draw", "load", "read", "run", "verdict"]


def load(source: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), plugins: Sequence[str] = ()) -> Suite:
    """Return a suite from a file, from the name of one that came with the project, or from a mapping like such a file.

    ``overrides`` are as for ``--set``, ``plugins`` as for ``--plugin``. UserError says what is wrong with it.
    """
    if isinstance(source, Mapping):
        return suite.parse(dict(source), "suite", overrides, plugins)
    return suite.load(str(source), overrides, plugins)


def run(
    source: str | Path | Mapping[str, Any] | Suite,
    out: Path | str | None = None,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    device: str = "auto",
    workers: int | None = None,
    progress: bool = False,
) -> Tables:
    """Run the cells of a suite that ``out`` has no results of, and return the tables of all of them.

    Without ``out`` the results live in a temporary folder and in what is returned. KeyboardInterrupt passes through
    once every finished cell is kept. ``progress`` prints what `equivaug run` prints. Warns of what a data set left out
    or changed. UserError where no cell has a result in the end, with the reason of the first.
    """
    _check_main()
    loaded = source if isinstance(source, Suite) else load(source, overrides, plugins)
    where = runs.chosen_device(device)
    with _folder(out) as folder:
        plan = prepare(loaded, folder, loaded.name).plan
        for note in plan.notes:
            warnings.warn(note, stacklevel=2)
        work = WithPlugins(run_cells, loaded.plugins)
        with contextlib.nullcontext() if progress else contextlib.redirect_stdout(io.StringIO()):
            code = runs.carry_out(plan, work, folder, where, workers or runs.default_workers(where))
        if code == runs.INTERRUPTED:
            raise KeyboardInterrupt
        tables = results_tables.read(folder)
    if not tables.runs["status"].isin(STANDING).any():
        first = tables.runs.iloc[0]
        raise UserError(
            f"no cell of '{loaded.name}' has a result; {first['label']}: {first['status']}, {first['reason']}"
        )
    return tables


def read(folder: Path | str) -> Tables:
    """Return the tables of a results folder; UserError if it has none."""
    return results_tables.read(Path(folder))


def draw(tables: Tables, figure: str, on: Axes | Sequence[Axes] | None = None) -> Figure:
    """Draw one of the figures of `equivaug plot`, on given axes (one per panel) or on a figure of its own.

    UserError for an unknown figure and for tables that it cannot be drawn of, ValueError for another number of axes.
    """
    figure = FORMER.get(figure, figure)
    if figure not in FIGURES:
        raise UserError(f"unknown figure '{figure}'{nearest(figure, FIGURES)}")
    if against := REASONS[figure](tables):
        raise UserError(f"{figure} cannot be drawn: {against}")
    drawn = FIGURES[figure](tables, on if on is None or isinstance(on, Sequence) else [on])
    assert drawn is not None
    return drawn


def _check_main() -> None:
    """Refuse what workers could not see, or what they would start again and again, in one sentence."""
    names = registered_in_main()
    if not names:
        return
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(
            f"equivaug: the script registers '{names[0]}', so that workers run it too: keep its calls of api.run "
            "behind if __name__ == '__main__':, or put what it registers in a file of its own, named in plugins=[...]"
        )
    if not Path(getattr(sys.modules["__main__"], "__file__", "") or "").is_file():
        raise UserError(
            f"'{names[0]}' is registered in a notebook or on standard input, where workers cannot see it; put it in a "
            ".py file and name that file in plugins=[...]"
        )


@contextlib.contextmanager
def _folder(out: Path | str | None) -> Iterator[Path]:
    if out is not None:
        yield Path(out)
    else:
        with tempfile.TemporaryDirectory(prefix="equivaug-") as temporary:
            yield Path(temporary) / "results"
