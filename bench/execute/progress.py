"""What a person sees while cells run: a live display on a terminal, one line per cell elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from bench.cell import Cell
from bench.store import Record

LAST = 8


def duration(seconds: float) -> str:
    """Return a time in the two largest units that it fills: ``8 s``, ``2 min 05 s``, ``3 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def outcome(record: Record) -> str:
    """Return what a cell gave in a few words: its accuracies, or its status with the reason."""
    upright, transformed = (record.run.get(key) for key in ("test_accuracy", "transformed_accuracy"))
    if record.status == "done" and upright is not None and transformed is not None:
        return f"accuracy {upright:.3f} upright, {transformed:.3f} transformed"
    return f"{record.status}: {record.run['reason']}" if record.run.get("reason") else record.status


class Progress:
    """Reports finished cells; a context, since the live display has to be put away."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stdout)
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._last: deque[tuple[Cell, Record]] = deque(maxlen=LAST)
        self._bar = Bar(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            console=self._console,
        )
        self._task = self._bar.add_task("", total=total)
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live = Live(self._bar, console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def finished(self, cell: Cell, record: Record) -> None:
        """Report one more cell."""
        self._done += 1
        if self._live is None:
            print(self._line(cell, record), file=self._console.file, flush=True)
            return
        self._last.append((cell, record))
        self._bar.update(self._task, completed=self._done, description=self._pace())
        self._live.update(Group(self._results(), self._bar))

    def _line(self, cell: Cell, record: Record) -> str:
        return (
            f"[{self._done}/{self._total}] {cell.label}, strength {cell.strength:g}, {cell.train_size} images, "
            f"seed {cell.seed}: {outcome(record)} ({self._pace()})"
        )

    def _pace(self) -> str:
        elapsed = time.monotonic() - self._began
        left = elapsed / self._done * (self._total - self._done)
        return f"{60 * self._done / max(elapsed, 1e-9):.1f} cells a minute, {duration(left)} left"

    def _results(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in ("family", "strength", "images", "seed", "result"):
            table.add_column(heading, justify="right" if heading in ("strength", "images", "seed") else "left")
        for cell, record in self._last:
            table.add_row(
                Text(cell.label), f"{cell.strength:g}", str(cell.train_size), str(cell.seed), Text(outcome(record))
            )
        return table
