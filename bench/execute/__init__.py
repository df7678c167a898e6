"""Where cells run: a local pool of worker processes, and the parent that writes down what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.cell import Cell
from bench.execute import pool
from bench.execute.batching import together
from bench.execute.progress import Progress
from bench.results.store import Record, Store


def execute(
    cells: Sequence[Cell],
    work: Callable[[Sequence[Cell]], Sequence[Record]],
    store: Store,
    progress: Progress,
    workers: int,
    one_thread: bool,
    at_once: int = 1,
) -> None:
    """Run cells, groups of at most ``at_once`` together, and write each one's record the moment it is finished.

    ``work`` must be picklable. A cell that raises is ``failed`` and one whose worker dies is ``infra``, each with its
    reason; neither stops another cell: what a group was killed by is found by running its cells one by one.
    KeyboardInterrupt passes through, after the workers are gone.
    """
    groups = together(list({cell.cell_id: cell for cell in cells}.values()), at_once)
    while groups:
        apart: list[tuple[Cell, ...]] = []
        results = pool.run(work, groups, workers, one_thread, progress.heard)
        try:
            for group, answer in results:
                if isinstance(answer, pool.Failure):
                    if len(group) > 1:
                        apart += [(cell,) for cell in group]
                        continue
                    status = "infra" if answer.died else "failed"
                    answer = [Record.without_result(group[0], status, answer.reason)]
                for cell, record in zip(group, answer, strict=True):
                    store.write(cell, record)
                    progress.finished(cell, record)
        finally:
            results.close()
        groups = apart
