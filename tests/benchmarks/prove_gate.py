"""How often the gate catches a slowdown of 10 %, and how often it cries wolf, while another process keeps a core busy.

``python -m tests.benchmarks.prove_gate [TRIES] [WORKLOAD]`` makes that many tries, each in a process of its own, with
the baseline of this machine: once with the code as it is, once with a step that takes a tenth longer, which it really
does: it waits, busily, for a tenth of the time that it just took. Writes results/speed/gate-proof-<workload>.csv.
"""

from __future__ import annotations

import csv
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from bench.execute.allocator import keep_memory
from bench.gate.baseline import path_of, read
from bench.gate.command import timed
from bench.gate.workloads import workloads

FOLDER = Path("results/speed")
CPU = torch.device("cpu")


def slowed(work: Callable[[], object], share: float) -> Callable[[], object]:
    """Return work that takes ``share`` longer than it does."""

    def slow() -> object:
        began = time.perf_counter()
        result = work()
        until = began + (time.perf_counter() - began) * (1 + share)
        while time.perf_counter() < until:
            pass
        return result

    return slow


def one_try(name: str) -> None:
    """Print the outcome and the change, without and with the slowdown."""
    torch.set_num_threads(1)
    keep_memory()
    baseline = read(path_of(FOLDER, CPU))
    assert baseline is not None, "record a baseline first: equivaug gate --record"
    (workload,) = [each for each in workloads() if each.name == name]

    def prepare(device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
        work, calibrate = workload.prepare(device)
        return slowed(work, 0.1), calibrate

    for each in (workload, replace(workload, prepare=prepare)):
        verdict = timed(baseline, each, CPU)
        print(verdict.outcome.value, f"{verdict.change:.4f}", sep="\t")


def busy() -> None:
    """Keep a core at work, with products that fill the caches."""
    torch.set_num_threads(1)
    matrix = torch.rand(1500, 1500)
    while True:
        matrix = (matrix @ matrix).clamp(0, 1)


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "try":
        return one_try(sys.argv[2])
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    name = sys.argv[2] if len(sys.argv) > 2 else "step, steerable C8"
    load = multiprocessing.get_context("spawn").Process(target=busy, daemon=True)
    load.start()
    rows = []
    for number in range(tries):
        called = [sys.executable, "-m", "tests.benchmarks.prove_gate", "try", name]
        told = subprocess.run(called, check=True, capture_output=True, text=True).stdout.splitlines()
        for slowdown, row in zip(("0", "0.1"), told, strict=True):
            outcome, change = row.split("\t")
            rows.append({"workload": name, "try": number, "slowdown": slowdown, "outcome": outcome, "change": change})
    load.kill()
    slug = "-".join(name.replace(",", "").split()).lower()
    with (FOLDER / f"gate-proof-{slug}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for slowdown in ("0", "0.1"):
        outcomes = Counter(row["outcome"] for row in rows if row["slowdown"] == slowdown)
        print(f"slowdown {slowdown}: {dict(outcomes)} of {tries}")
    return None


if __name__ == "__main__":
    main()
