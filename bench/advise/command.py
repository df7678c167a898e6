"""`equivaug advise`: from a folder of images to an answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import typer

from bench import report, run
from bench.advise import orientation
from bench.advise.images import data_options, describe
from bench.advise.proposal import ENOUGH, GROUPS, SCALES, Proposal, matrix, name_of, propose
from bench.analysis.advice import advice
from bench.analysis.orientation import TwoSamples
from bench.atomic import write_atomically
from bench.errors import UserError
from bench.execute.data import load_data
from bench.execute.job import run_cells
from bench.execute.probe import probe
from bench.execute.progress import duration
from bench.plan.estimate import Estimate, busy, estimate, measured
from bench.plan.matrix import make
from bench.plan.prepare import prepare
from bench.results import folder, tables
from bench.suite import Suite, load

#: Pixels on a side that are worth their time on a CPU, and on a GPU.
LARGEST = {"cpu": 32, "cuda": 64}

ADVICE = "ADVICE.md"


def carry_out(
    path: Path, minutes: float, yes: bool, device: str, workers: int | None, out: Path | None, fresh: bool
) -> int:
    """Look at the images, show the plan, run it once it is agreed to, print the advice; return the exit code.

    A results folder that an earlier call left goes on with the plan of that call.
    """
    where = run.chosen_device(device)
    count = workers or run.default_workers(where)
    data = data_options(path, LARGEST[where.partition(":")[0]])
    dataset = load_data(data["name"], {key: value for key, value in data.items() if key != "name"})
    print("\n".join(describe(path, dataset)), flush=True)
    results = out or Path("results") / name_of(path)
    folder.check(results, matrix(path, data, dataset, SCALES[-1], ENOUGH))
    if (results / folder.SUITE).is_file() and not fresh:
        suite = load(str(results / folder.SUITE))
        print(f"going on with the plan in {results / folder.SUITE}; --fresh makes a new one")
    else:
        if warning := busy():
            print(warning)
        proposal = propose(path, data, dataset, minutes, lambda suite: _measured(suite, path, where, count))
        suite = proposal.suite
        print("\n".join(_told(proposal, where, count)), flush=True)
    plan_of_suite = prepare(suite, results, str(path), fresh).plan
    if plan_of_suite.todo and not yes and not _agreed():
        return run.OK
    tests = [] if fresh else orientation.read(results)
    if not tests:
        print("looking whether the images can be told from mirrored and from turned ones", flush=True)
        tests = orientation.look(dataset, GROUPS, where)
    code = run.carry_out(plan_of_suite, run_cells, results, where, count, fresh)
    orientation.write(tests, results)
    if code != run.INTERRUPTED:
        _answer(results, tests)
    return code


def _measured(suite: Suite, path: Path, device: str, workers: int) -> Estimate:
    plan_of_suite = make(suite, set(), str(path))
    at_once = run.default_together(device)
    costs = measured(plan_of_suite.todo, partial(probe, device=device), workers, run.is_cpu(device), at_once)
    return estimate(plan_of_suite.todo, costs, workers)


def _told(proposal: Proposal, device: str, workers: int) -> Iterator[str]:
    suite = proposal.suite
    sizes = ", ".join(f"{size:,}" for size in suite.data["train_sizes"])
    strengths = ", ".join(f"{strength:g}" for strength in suite.augmentation["strengths"])
    yield f"plan: {proposal.cells} trainings of {suite.budget['steps']} steps, all networks of equal FLOPs, for"
    yield "  inputs        cut to the centred disc, upright ones too, as turning moves the corners out"
    yield "  networks      plain; with mirrors (D1), rotations (C8), or both (D4) built in"
    yield f"  augmentation  mirrors (D1) and rotations (SO(2)), of strength {strengths}"
    yield f"  images        {sizes}"
    yield f"  seeds         {suite.seeds}"
    yield f"about {duration(proposal.seconds)} with {workers} workers on {device}"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("nobody is there to say yes to the plan; add --yes to start without asking")
    return typer.confirm("Start?", default=True)


def _answer(results: Path, tests: Sequence[TwoSamples]) -> None:
    """Print the advice and write it beside the tables."""
    answer = advice(tables.read(results), tests)
    lines = [answer.headline, "", *(f"- {sentence}" for sentence in answer.sentences)]
    write_atomically(results / ADVICE, "\n".join([f"# {results.name}", "", *lines, ""]).encode())
    print("\n".join(["", *lines, "", f"written to {results / ADVICE}"]))
    with run.after_training("the report", f"equivaug report {results}"):
        print(f"report: {report.write(results)}")
