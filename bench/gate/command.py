"""`equivaug gate`: measure, compare with the baseline of this class of device, and say which of three it is."""

from __future__ import annotations

import math
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bench.errors import UserError
from bench.execute.settle import settle
from bench.gate import against, counters
from bench.gate.baseline import Baseline, device_class, path_of, read, write
from bench.gate.judgement import Outcome, Verdict, compare, overall, unmeasured
from bench.gate.sampling import sample
from bench.gate.workloads import Workload, workloads

EXIT = {Outcome.FINE: 0, Outcome.REGRESSED: 1, Outcome.UNMEASURED: 3}
RUNS = 6
"""Processes that a baseline is recorded in: ratios differ a little from one to the next."""


def gate(folder: Path, device: str, only: str) -> int:
    """Compare this code with the baseline in ``folder``, print a table, and return the exit code."""
    where = torch.device(device)
    chosen = _chosen(only)
    path = path_of(folder, where)
    baseline = read(path)
    if baseline is None:
        print(f"could not be measured: no baseline for {device_class(where)}; `equivaug gate --record` writes {path}")
        return EXIT[Outcome.UNMEASURED]
    settle(where)
    verdicts = _counted(baseline, where, only) + [timed(baseline, workload, where) for workload in chosen]
    return _told(verdicts, str(path))


def gate_against(revision: str, device: str, only: str) -> int:
    """Compare this code with that of a revision, both measured now; print a table, and return the exit code."""
    return _told(against.compare(revision, device, only), f"revision {revision}")


def _told(verdicts: Sequence[Verdict], opponent: str) -> int:
    _print(verdicts, opponent)
    result = overall([verdict.outcome for verdict in verdicts])
    print(result.value)
    return EXIT[result]


def record(folder: Path, device: str) -> int:
    """Write a new baseline for this class of device, from several processes one after another."""
    where = torch.device(device)
    path = path_of(folder, where)
    ratios: dict[str, list[list[float]]] = {workload.name: [] for workload in workloads()}
    for run in range(RUNS):
        print(f"run {run + 1} of {RUNS}")
        called = [sys.executable, "-m", "bench.gate.command", device]
        output = subprocess.run(called, check=True, capture_output=True, text=True).stdout
        for name, rounds in _parsed(output).items():
            ratios[name].append(rounds)
    settle(where)
    baseline = Baseline(
        device=device_class(where),
        torch=torch.__version__,
        python=platform.python_version(),
        ratios=ratios,
        counters=counters.count(where),
    )
    write(path, baseline)
    print(f"baseline: {path}")
    return EXIT[Outcome.FINE]


def _chosen(only: str) -> list[Workload]:
    chosen = [workload for workload in workloads() if only in workload.name]
    if not chosen:
        known = ", ".join(dict.fromkeys(workload.name.partition(",")[0] for workload in workloads()))
        raise UserError(f"--only {only}: no workload has that in its name; accepted: parts of names, such as {known}")
    return chosen


def timed(baseline: Baseline, workload: Workload, device: torch.device) -> Verdict:
    """Return the verdict on a workload, of two measurements if the first has anything against it."""
    runs = baseline.runs(workload.name)
    if not runs:
        return unmeasured(workload.name, "not in the baseline")
    verdict = compare(workload.name, runs, sample(workload, device))
    if verdict.outcome is Outcome.FINE:
        return verdict
    # once more, as a busy moment does not come twice and a slowdown stays
    again = compare(workload.name, runs, sample(workload, device))
    return min(verdict, again, key=lambda each: (each.outcome is Outcome.UNMEASURED, each.change))


def _counted(baseline: Baseline, device: torch.device, only: str) -> list[Verdict]:
    if baseline.torch != torch.__version__:
        reason = f"counters are of torch {baseline.torch}, this is {torch.__version__}"
        return [unmeasured("counters", reason)]
    counts = counters.count(device)
    verdicts = []
    for name, now in counts.items():
        if only not in name:
            continue
        if name in baseline.counters:
            verdicts.append(counters.judge(name, baseline.counters[name], now))
        else:
            verdicts.append(unmeasured(name, "not in the baseline"))
    gone = [name for name in baseline.counters if name not in counts and only in name]
    return verdicts + [unmeasured(name, "no longer counted") for name in gone]


def _print(verdicts: Sequence[Verdict], opponent: str) -> None:
    table = Table(title=f"compared with {opponent}", title_justify="left")
    for heading in ("what", "outcome", "new / old", "98 % interval", ""):
        table.add_column(heading, no_wrap=heading != "")
    for verdict in sorted(verdicts, key=lambda each: each.outcome is Outcome.FINE):
        interval = "" if verdict.low == verdict.high or math.isnan(verdict.low) else _interval(verdict)
        change = "" if math.isnan(verdict.change) else f"{verdict.change:.3f}"
        table.add_row(verdict.name, verdict.outcome.value, change, interval, verdict.reason)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _interval(verdict: Verdict) -> str:
    return f"{verdict.low:.3f} to {verdict.high:.3f}"


def _parsed(output: str) -> dict[str, list[float]]:
    rows = [row.split("\t") for row in output.splitlines() if "\t" in row]
    return {name: [float(value) for value in values.split()] for name, values in rows}


def main(device: str) -> None:
    """Print the ratios of one run: what a process of `record` does."""
    where = torch.device(device)
    settle(where)
    for workload in workloads():
        ratios: np.ndarray = sample(workload, where)
        print(workload.name, " ".join(f"{value:.5g}" for value in ratios), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
