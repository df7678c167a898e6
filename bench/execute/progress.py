"""What a person sees while cells run: a live display on a terminal, one line per cell elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from bench.cell import Cell
from bench.heartbeat import TRAINING, Beat
from bench.results.store import Record
from bench.scores import SCORES, examples

LAST = 8

#: Seconds between two lines about a cell that is not done, where there is no terminal.
LINES_APART = 120.0


def duration(seconds: float) -> str:
    """Return a time in the two largest units that it fills: ``8 s``, ``2 min 05 s``, ``3 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def outcome(record: Record, score: str) -> str:
    """Return what a cell gave in a few words: its scores of this name, or its status with the reason."""
    upright, transformed = (record.run.get(key) for key in ("test_score", "transformed_score"))
    if record.status == "done" and upright is not None and transformed is not None:
        return f"{SCORES[score].label} {upright:.3f} upright, {transformed:.3f} transformed"
    return f"{record.status}: {record.run['reason']}" if record.run.get("reason") else record.status


class _Running:
    """A group of cells at work: what it said last, and how far it was when it was first heard of in what it does."""

    def __init__(self, cells: Sequence[Cell], beat: Beat) -> None:
        self.cells, self.first, self.last = cells, beat, beat
        self._since = self.printed = time.monotonic()

    def heard(self, beat: Beat) -> None:
        """Take note of a sign of life."""
        if beat.doing != self.last.doing:
            self.first, self._since = beat, time.monotonic()
        self.last = beat

    @property
    def left(self) -> str:
        """The time that the rest of it will take, in words, once some has been seen."""
        done = self.last.done - self.first.done
        if not done or self.last.total is None:
            return ""
        seconds = (time.monotonic() - self._since) / done * (self.last.total - self.last.done)
        return f"{duration(seconds)} left"

    def __str__(self) -> str:
        last = self.last
        much = f"{last.done:,}" if last.total is None else f"{last.done:,} of {last.total:,}"
        if last.doing == TRAINING:
            parts = [f"step {much}", "" if last.loss is None else f"loss {last.loss:.3g}", self.left]
        else:
            parts = [last.doing, f"{much} {examples(self.cells[0].domain)}", self.left]
        return ", ".join(part for part in parts if part)


class Progress:
    """Reports cells that run and cells that are finished; a context, since the live display has to be put away."""

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
        self._running: dict[str, _Running] = {}

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

    def heard(self, cells: Sequence[Cell], beat: Beat) -> None:
        """Report a sign of life of cells that train together: at once on a terminal, every few minutes elsewhere."""
        running = self._running.setdefault(cells[0].cell_id, _Running(cells, beat))
        running.heard(beat)
        if self._live is not None:
            self._live.update(Group(self._results(), self._bar))
        elif time.monotonic() - running.printed >= LINES_APART:
            running.printed = time.monotonic()
            print(f"[{self._done}/{self._total}] {_named(cells[0])}: {running}", file=self._console.file, flush=True)

    def finished(self, cell: Cell, record: Record) -> None:
        """Report one more cell."""
        self._done += 1
        self._running.pop(cell.cell_id, None)
        if self._live is None:
            print(self._line(cell, record), file=self._console.file, flush=True)
            return
        self._last.append((cell, record))
        self._bar.update(self._task, completed=self._done, description=self._pace())
        self._live.update(Group(self._results(), self._bar))

    def _line(self, cell: Cell, record: Record) -> str:
        return f"[{self._done}/{self._total}] {_named(cell)}: {outcome(record, cell.score)} ({self._pace()})"

    def _pace(self) -> str:
        elapsed = time.monotonic() - self._began
        left = elapsed / self._done * (self._total - self._done)
        hourly = 3600 * self._done / max(elapsed, 1e-9)
        pace = f"{hourly / 60:.1f} cells a minute" if hourly >= 60 else f"{hourly:.1f} cells an hour"
        return f"{pace}, {duration(left)} left"

    def _results(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in ("family", "strength", "examples", "seed", "result"):
            table.add_column(heading, justify="right" if heading in ("strength", "examples", "seed") else "left")
        for cell, record in self._last:
            table.add_row(
                Text(cell.label),
                f"{cell.strength:g}",
                str(cell.train_size),
                str(cell.seed),
                Text(outcome(record, cell.score)),
            )
        for running in self._running.values():
            cell, more = running.cells[0], len(running.cells) - 1
            seed = f"{cell.seed} + {more}" if more else str(cell.seed)
            table.add_row(Text(cell.label), f"{cell.strength:g}", str(cell.train_size), seed, Text(str(running)))
        return table


def _named(cell: Cell) -> str:
    return f"{cell.label}, strength {cell.strength:g}, {cell.train_size} {examples(cell.domain)}, seed {cell.seed}"
