"""How often the whole gate cries wolf, and how often it catches a slowdown of 10 %, with other processes at work.

``python -m tests.benchmarks.prove_gate [RUNS]`` runs ``equivaug gate --against HEAD`` so many times, with 0, 1 and 2
other busy processes in turn; ``--beside N`` says that N processes are at work already, and starts none. In each run
one workload, another one every time, really takes a tenth longer; all others are as they are. Every verdict is appended
to results/speed/gate-proof.csv, and what they come to is printed: of runs in which a workload that is not slowed was
called regressed, and of slowed workloads that were caught, or for which the machine was said to be too busy.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import time
from pathlib import Path

import torch

from bench.gate import against
from bench.gate.judgement import Outcome
from bench.gate.workloads import workloads

FILE = Path("results/speed/gate-proof.csv")
COLUMNS = ["run", "busy", "workload", "slowed", "outcome", "change", "low", "high", "seconds"]
SHARE = 0.1


def busy() -> None:
    """Keep a processor at work, with products that fill the caches."""
    torch.set_num_threads(1)
    matrix = torch.rand(1500, 1500)
    while True:
        matrix = (matrix @ matrix).clamp(0, 1)


class SlowedSide(against.Side):
    """A side of which the one with this code has a slowed workload."""

    script = str(Path(__file__).parent / "slowed_server.py")


def one_run(number: int, beside: int | None) -> None:
    """Run the gate with a workload slowed, and append its verdicts; ``beside`` processes are at work, if it is told."""
    names = [workload.name for workload in workloads()]
    slowed, others = names[number % len(names)], number % 3 if beside is None else beside
    os.environ["EQUIVAUG_SLOWED"] = f"{slowed}:{SHARE}"
    started = others if beside is None else 0
    load = [multiprocessing.get_context("spawn").Process(target=busy, daemon=True) for _ in range(started)]
    for process in load:
        process.start()
    began = time.perf_counter()
    plain = against.Side
    # the revision's side is plain: it has no such workload to slow
    against.Side = lambda code, device: (SlowedSide if code == against.HERE else plain)(code, device)  # type: ignore[assignment, misc]
    try:
        with against._checked_out("HEAD") as before:
            verdicts = against.judged(names, lambda chosen: against.measured(before, "cpu", chosen))
    finally:
        against.Side = plain  # type: ignore[misc]
        for process in load:
            process.kill()
    seconds = time.perf_counter() - began
    new = not FILE.exists()
    with FILE.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS)
        for each in verdicts:
            share = SHARE if each.name == slowed else 0
            numbers = [f"{value:.4f}" for value in (each.change, each.low, each.high)]
            writer.writerow([number, others, each.name, share, each.outcome.value, *numbers, f"{seconds:.0f}"])


def report() -> None:
    """Print what all runs come to."""
    with FILE.open() as file:
        rows = list(csv.DictReader(file))
    for others in sorted({row["busy"] for row in rows}):
        of_them = [row for row in rows if row["busy"] == others]
        runs = {row["run"] for row in of_them}
        alarms = {row["run"] for row in of_them if row["slowed"] == "0" and row["outcome"] == Outcome.REGRESSED.value}
        slowed = [row["outcome"] for row in of_them if row["slowed"] != "0"]
        print(
            f"{others} others busy: {len(alarms)} of {len(runs)} runs with a false alarm; of {len(slowed)} slowed "
            f"workloads {slowed.count(Outcome.REGRESSED.value)} were caught, {slowed.count(Outcome.UNMEASURED.value)} "
            f"could not be measured, {slowed.count(Outcome.FINE.value)} were missed; a run took "
            f"{max(int(row['seconds']) for row in of_them)} s at most"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=int, nargs="?", default=20)
    parser.add_argument(
        "--beside", type=int, help="how many processes are at work already; by default some are started"
    )
    arguments = parser.parse_args()
    done = 0
    if FILE.exists():
        with FILE.open() as file:
            done = max((int(row["run"]) + 1 for row in csv.DictReader(file)), default=0)
    for number in range(done, done + arguments.runs):
        one_run(number, arguments.beside)
        report()


if __name__ == "__main__":
    main()
