"""One `equivaug run` from a plan to tables and figures, whatever happens on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.cell import Cell
from bench.errors import UserError, one_line
from bench.execute import execute
from bench.execute.pool import STOPS
from bench.execute.progress import Progress, outcome
from bench.plan.rounds import rounds
from bench.results import folder
from bench.results.store import RETRIED, Record, Store

if TYPE_CHECKING:
    from bench.plan.matrix import Plan
    from bench.results.tables import Tables


class Runner(Protocol):
    """What trains and measures cells that belong together; it goes to the workers, so that it must be picklable."""

    def __call__(
        self, cells: Sequence[Cell], device: str, timing: str, snapshots: Path | None = None
    ) -> Sequence[Record]: ...


OK, SOME_FAILED, INTERRUPTED = 0, 1, 130


def carry_out(
    plan: Plan,
    runner: Runner,
    results: Path,
    device: str,
    workers: int,
    fresh: bool = False,
    at_once: int | None = None,
) -> int:
    """Run what a plan has to do, write tables and figures, tell what failed, and return the exit code.

    At most ``at_once`` cells of one architecture train beside one another. Ctrl-C, a scheduler's or a closing
    terminal's signal, and a closed standard output stop the workers, keep every finished cell and still write the
    tables.
    """
    at_once = at_once or default_together(device)
    to_run = {cell.cell_id for cell in plan.todo} | plan.impossible.keys()
    standing = [cell for cell in plan.cells if cell.cell_id not in to_run]
    with folder.opened(results, plan.suite, standing, fresh) as store:
        for cell in plan.cells:
            if cell.cell_id in plan.impossible:
                store.write(cell, Record.without_result(cell, "skipped", plan.impossible[cell.cell_id]))
        timing = "exclusive" if workers == at_once == 1 else "shared"
        work = partial(runner, device=device, timing=timing, snapshots=results / folder.SNAPSHOTS)
        asked: dict[str, Cell] = {}
        interrupted = False
        try:
            with _stoppable():
                for each in rounds(plan, store):
                    asked |= {cell.cell_id: cell for cell in each.cells}
                    for reason in each.reasons:
                        print(reason, flush=True)
                    with Progress(len(each.cells)) as progress:
                        execute(each.cells, work, store, progress, workers, one_thread=is_cpu(device), at_once=at_once)
        except KeyboardInterrupt:
            interrupted = True
        except BrokenPipeError:
            interrupted = True
            stop_printing()
        return _finish(list(asked.values()), store, results, interrupted)


@contextlib.contextmanager
def after_training(what: str, again: str) -> Iterator[None]:
    """Tell in one line what failed once the cells are safe, and how to try again; nothing else is lost with it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        print(f"{what} could not be made: {one_line(error)}; `{again}` tries again", file=sys.stderr)


def stop_printing() -> None:
    """Send standard output nowhere, once nobody reads it; Python would complain when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Take every signal that asks to stop as Ctrl-C."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_cpu(device: str) -> bool:
    """Whether cells run on the CPU, each with one thread."""
    return device.startswith("cpu")


def chosen_device(wanted: str) -> str:
    """Return the device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; UserError if there is no such device."""
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = wanted.partition(":")
    if kind not in ("cpu", "cuda") or (index and (kind == "cpu" or not index.isdecimal())):
        raise UserError(f"--device {wanted}: unknown device; known: auto, cpu, cuda, cuda:0, cuda:1, ...")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise UserError(f"--device {wanted}: this machine has {torch.cuda.device_count()} CUDA devices")
    return wanted


def default_workers(device: str) -> int:
    """Return one worker per core that this process may use, or one for a GPU, which then is timed for itself."""
    if not is_cpu(device):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_together(device: str) -> int:
    """Return how many cells train beside one another: a CPU has a process for each instead."""
    return 1 if is_cpu(device) else 8


def _finish(asked: Sequence[Cell], store: Store, results: Path, interrupted: bool) -> int:
    """Write and tell what there is after the ``asked`` cells were tried, or some of them; return the exit code."""
    # imported here, so that no worker waits for pandas and matplotlib
    from bench.results import tables

    written, damaged = tables.rebuild(results)
    print(f"tables: {results}/runs, curves, equivariance (.parquet, .csv)")
    if interrupted:
        statuses = store.scan()
        left = sum(statuses.get(cell.cell_id) != "standing" for cell in asked)
        print(f"stopped with {left} of {len(asked)} cells to do; the same command goes on from here")
        return INTERRUPTED
    with after_training("the figures", f"equivaug plot {results}"):
        from bench import figures

        for path in figures.draw_all(written, results / "figures"):
            if path.suffix == ".png":
                print(f"figure: {path}")
        for name, reason in figures.skipped(written).items():
            print(f"not drawn: {name}, because {reason}")
    for cell_id in damaged:
        print(f"damaged: cell {cell_id} cannot be read; the next run runs it again")
    with after_training("the verdict", f"equivaug report {results}"):
        from bench.analysis.headline import headline

        print(f"verdict: {headline(written)}")
    return _tell_outcomes(asked, store, written)


def _tell_outcomes(asked: Sequence[Cell], store: Store, written: Tables) -> int:
    counts = written.runs["status"].value_counts()
    print(f"{len(written.runs)} cells: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    statuses = store.scan()
    failed = [cell for cell in asked if statuses.get(cell.cell_id, "infra") in RETRIED]
    if not failed:
        return OK
    first = failed[0]
    shard = store.read(first.cell_id, statuses.get(first.cell_id, "infra"))
    reason = outcome(shard.record, shard.axes["score"]) if shard else "its shard is damaged"
    print(f"the next run tries again what failed, such as {first.label} (cell {first.cell_id}): {reason}")
    return SOME_FAILED
