"""Worker processes that each do one piece of work at a time, so that one that dies takes nothing else with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, Generic, TypeVar

from bench.errors import one_line
from bench.fitness import is_fit
from bench.heartbeat import Beat, listen
from bench.registry import registered_in_main

Item = TypeVar("Item")
Result = TypeVar("Result")

#: The signals that ask a program to stop, from a person, a terminal that closes and a scheduler.
STOPS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)

# numbers must not depend on how many cores a worker finds: the order of a sum depends on the number of threads
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Failure:
    """Work without a result: it raised an exception, or its worker ``died``."""

    reason: str
    died: bool


@dataclass(frozen=True)
class _Last(Generic[Result]):
    """The answer of a worker that ends with it (`bench.fitness`)."""

    answer: Result | Failure


class _Slot(Generic[Item, Result]):
    """One place for work: a process that is started when first needed, and again after it died."""

    def __init__(self, work: Callable[[Item], Result], one_thread: bool) -> None:
        self._work = work
        self._one_thread = one_thread
        self._process: Any = None
        self.pipe: Connection
        self.item: Item

    def give(self, item: Item) -> None:
        if self._process is None or not self._process.is_alive():
            self._start()
        self.item = item
        # a worker that has died by now is noticed when its answer is awaited
        with contextlib.suppress(BrokenPipeError):
            self.pipe.send(item)

    def take(self) -> Result | Failure | Beat:
        """Return the answer to the last item given, or a sign of life on the way to it, once the pipe is ready."""
        try:
            answer: Result | Failure | Beat | _Last[Result] = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            answer = _Last(Failure(_cause(self._process.exitcode), died=True))
        if isinstance(answer, _Last):
            self.close()
            return answer.answer
        return answer

    def close(self) -> None:
        """Kill the worker: it holds nothing that is worth keeping."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self.pipe.close()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        resource_tracker.ensure_running()
        with _environment(_ONE_THREAD if self._one_thread else {}), _stops_held(), _main_left_alone():
            self._process.start()
        theirs.close()


def run(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    one_thread: bool,
    heard: Callable[[Item, Beat], None] | None = None,
) -> Generator[tuple[Item, Result | Failure], None, None]:
    """Yield every item with the result of ``work`` or a Failure, as they come; at most ``workers`` at a time.

    ``heard`` is called with an item and its training's signs of life while there is no answer yet.
    ``work`` is pickled once per worker. Workers live until the iterator ends or is closed; they ignore `STOPS`, which
    are for this process, and end when this process ends, however it does.
    """
    waiting = list(items)
    queue = iter(waiting)
    slots = [_Slot(work, one_thread) for _ in range(min(workers, len(waiting)))]
    busy: dict[Any, _Slot[Item, Result]] = {}

    def feed(slot: _Slot[Item, Result]) -> None:
        for item in queue:
            slot.give(item)
            busy[slot.pipe] = slot
            break

    try:
        for slot in slots:
            feed(slot)
        while busy:
            for pipe in wait(list(busy)):
                slot = busy[pipe]
                item, answer = slot.item, slot.take()
                if isinstance(answer, Beat):
                    if heard:
                        heard(item, answer)
                    continue
                del busy[pipe]
                feed(slot)  # first, so that the worker does not wait for what is done with its answer
                yield item, answer
    finally:
        for slot in slots:
            slot.close()


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """Answer items until the pipe closes: the life of a worker."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    listen(pipe.send)
    with contextlib.suppress(EOFError, OSError):
        while True:
            item = pipe.recv()
            try:
                answer = work(item)
            except Exception as error:
                answer = Failure(one_line(error), died=False)
            pipe.send(answer if is_fit() else _Last(answer))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _main_left_alone() -> Iterator[None]:
    """Keep a new process from running the main script again, which a script need not be written for.

    It has to, and the script has to guard what it does, only where something that cells name is registered in it.
    """
    if registered_in_main():
        yield
        return
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _cause(exitcode: int) -> str:
    if exitcode >= 0:
        return f"the worker ended with exit code {exitcode}"
    name = signal.Signals(-exitcode).name
    hint = "; the system kills what uses up its memory" if name == "SIGKILL" else ""
    return f"the worker was killed by {name}{hint}"


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@contextlib.contextmanager
def _stops_held() -> Iterator[None]:
    """Hold `STOPS` back: a worker inherits the mask, so that none can reach it before it ignores them."""
    held: list[int] = []
    # the mask is the main thread's alone: another thread may still get the signal, and would hand it to these handlers
    handlers = {number: signal.signal(number, lambda number, frame: held.append(number)) for number in STOPS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])
