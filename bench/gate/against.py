"""`equivaug gate --against REV`: this code and that of another revision, timed in turns in one run.

Two processes, one for each revision, answer in turns, new, old, old, new, so that what slows the machine slows both. On
a CPU they are timed by the seconds in which they had a processor. Where memory lies makes one process faster than
another by a percent or two for as long as it lives, whatever its code: so there are several pairs of processes, and
what they say against a workload has to be said by fresh ones too.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

import bench
from bench.errors import UserError
from bench.gate import counters, server
from bench.gate.judgement import Outcome, Verdict, unmeasured
from bench.gate.paired import PAIRS, median_error, verdict

HERE = Path(bench.__file__).parent.parent

BLOCK = 0.02
"""Seconds of one timing, at least."""
LEAST_ROUNDS, LONGEST = 16, 3.0
"""Rounds of a workload in one pair of processes, and the seconds after which there are no more than these: of builds,
which take a tenth of a second and allocate much, six could not tell 10 % on a busy machine in 25 cases of 35."""
PRECISE = 0.006
"""The relative error of a median at which no more rounds are run."""

Ratios = dict[str, list[np.ndarray]]
Measure = Callable[[Sequence[str]], Ratios]


def compare(revision: str, device: str, only: str) -> list[Verdict]:
    """Return a verdict on every workload and counter with ``only`` in its name, this code over the revision's."""
    with _checked_out(revision) as before:
        with _sides(before, device) as (new, old):
            names = {side: [name for name in side.ask("names") if only in name] for side in (new, old)}
            counted = _counted(new, old, only)
        both = [name for name in names[new] if name in names[old]]
        verdicts = counted + judged(both, lambda chosen: measured(before, device, chosen))
        for side, other, which in ((new, old, revision), (old, new, "this code")):
            lacking = [name for name in names[side] if name not in names[other]]
            verdicts += [unmeasured(name, f"{which} has no such workload") for name in lacking]
    if not verdicts:
        known = ", ".join(dict.fromkeys(name.partition(",")[0] for name in both)) or "step, inference, build"
        raise UserError(f"--only {only}: no workload has that in its name; accepted: parts of names, such as {known}")
    return verdicts


def judged(names: Sequence[str], measure: Measure) -> list[Verdict]:
    """Return a verdict on each workload; one that is not fine is measured once more, by fresh processes."""
    first = measure(names)
    doubtful = [name for name in names if verdict(name, first[name]).outcome is not Outcome.FINE]
    again = measure(doubtful) if doubtful else {}
    return [verdict(name, first[name], again.get(name)) for name in names]


def measured(before: Path, device: str, names: Sequence[str]) -> Ratios:
    """Return for each workload the ratios of this code's time to that of the code in ``before``, per pair of sides."""
    ratios: Ratios = {name: [] for name in names}
    for pair in range(PAIRS):
        with _sides(before, device) as (new, old):
            for name in names:
                for side in (new, old):
                    side.ask("prepare", name)
                # who begins has the cache as the other left it
                ratios[name].append(_ratios(*((new, old) if pair % 2 else (old, new)), inverse=not pair % 2))
    return ratios


def _ratios(first: Side, second: Side, inverse: bool) -> np.ndarray:
    calls = max(1, round(BLOCK / max(first.ask("time", 1), 1e-6)))
    ratios: list[float] = []
    spent = 0.0
    while len(ratios) < LEAST_ROUNDS or (spent < LONGEST and median_error(np.log(ratios)) > PRECISE):
        a, b, c, d = (side.ask("time", calls) for side in (first, second, second, first))
        ratios.append((b + c) / (a + d) if inverse else (a + d) / (b + c))
        spent += a + b + c + d
    return np.array(ratios)


class Side:
    """A process that times the code in a folder."""

    script = server.__file__

    def __init__(self, code: Path, device: str) -> None:
        paths = [str(code), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        called = [sys.executable, self.script, device]
        self._process = subprocess.Popen(
            called, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, *question: Any) -> Any:
        """Return the answer to a question of `bench.gate.server`; UserError if the process has ended instead."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):  # it has ended, and says so below
            print(json.dumps(question), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            assert self._process.stderr
            last = (self._process.stderr.read().strip().splitlines() or ["no message"])[-1]
            raise UserError(f"--against: the code to be compared could not be timed: {last}")
        return json.loads(answer)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def _sides(before: Path, device: str) -> Iterator[tuple[Side, Side]]:
    """Give a process with this code and one with that in ``before``."""
    sides = Side(HERE, device), Side(before, device)
    try:
        yield sides
    finally:
        for side in sides:
            side.close()


def _counted(new: Side, old: Side, only: str) -> list[Verdict]:
    if not any(only in name for name in counters.names()):
        return []
    with ThreadPoolExecutor(2) as pool:
        now, then = pool.map(lambda side: side.ask("counters"), (new, old))
    return [counters.judge(name, then[name], now[name]) for name in now if name in then and only in name]


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """Give a folder with the package as it is in a revision of this repository; UserError if there is none."""
    called = ["git", "-C", str(HERE), "archive", "--format=tar", revision, "bench"]
    try:
        packed = subprocess.run(called, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UserError(f"--against {revision}: there is no git here to get it with") from error
    if packed.returncode:
        last = packed.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["git failed"]
        raise UserError(f"--against {revision}: {last[0]}; accepted: a revision of the repository in {HERE}")
    with tempfile.TemporaryDirectory(prefix="equivaug-gate-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)
