"""Where cells run: a local pool of worker processes, and the parent that writes down what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.cell import Cell
from bench.execute import pool
from bench.execute.progress import Progress
from bench.store import Record, Store


def execute(
    cells: Sequence[Cell],
    work: Callable[[Cell], Record],
    store: Store,
    progress: Progress,
    workers: int,
    one_thread: bool,
) -> None:
    """Run cells and write each one's record the moment it is finished.

    ``work`` must be picklable. A cell that raises is ``failed`` and one whose worker dies is ``infra``, each with its
    reason; neither stops another cell. KeyboardInterrupt passes through, after the workers are gone.
    """
    by_id = {cell.cell_id: cell for cell in cells}
    results = pool.run(work, by_id.values(), workers, one_thread)
    try:
        for cell, answer in results:
            if isinstance(answer, pool.Failure):
                answer = Record.without_result(cell, "infra" if answer.died else "failed", answer.reason)
            store.write(cell, answer)
            progress.finished(cell, answer)
    finally:
        results.close()
