"""`equivaug run` and `equivaug plan`: from a suite to results, or to what they would cost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bench.cli.app import app
from bench.cli.options import (
    DeviceOption,
    FreshOption,
    OutOption,
    PluginOption,
    SetOption,
    SuiteArgument,
    TogetherOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from bench.plan.estimate import Estimate
    from bench.plan.prepare import Prepared


@app.command()
def run(
    suite: SuiteArgument,
    overrides: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    together: TogetherOption = None,
    out: OutOption = None,
    fresh: FreshOption = False,
) -> None:
    """Train and measure every cell that has no result yet.

    Then write tables and figures. A run that was stopped goes on from the cells that are done.
    """
    from bench.execute.job import run_cells
    from bench.plugins import WithPlugins
    from bench.run import carry_out, chosen_device, default_workers

    where = chosen_device(device)
    prepared = _prepared(suite, overrides, plugin, out, fresh)
    work, count = WithPlugins(run_cells, prepared.plan.suite.plugins), workers or default_workers(where)
    raise typer.Exit(carry_out(prepared.plan, work, prepared.results, where, count, fresh, together))


@app.command()
def plan(
    suite: SuiteArgument,
    overrides: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    together: TogetherOption = None,
    out: OutOption = None,
    fresh: FreshOption = False,
) -> None:
    """Print what a suite has to do, and what that will cost.

    Time and memory come from steps that are really run.
    """
    from functools import partial

    from bench.execute.probe import probe
    from bench.plan.estimate import busy, estimate, measured
    from bench.plan.rounds import expected, largest, rounds
    from bench.plugins import WithPlugins
    from bench.results.store import Store
    from bench.run import chosen_device, default_together, default_workers, is_cpu

    where = chosen_device(device)
    prepared = _prepared(suite, overrides, plugin, out, fresh)
    plan_of_suite, seeding = prepared.plan, prepared.plan.suite.seeding
    # the fresh seeds of a strength that the pilot does not choose are never run
    most = largest(plan_of_suite, seeding) if seeding else plan_of_suite.todo
    print(f"{'up to ' if seeding else ''}{prepared.state(len(most))}")
    for reason in dict.fromkeys(plan_of_suite.impossible.values()):
        print(f"  impossible: {reason}")
    if not plan_of_suite.todo:
        return
    count = workers or default_workers(where)
    if warning := busy():
        print(warning)
    following = next(rounds(plan_of_suite, None if fresh else Store(prepared.results)))
    print("\n".join(following.reasons), end="\n" * bool(following.reasons))
    if not following.cells:
        return
    work = WithPlugins(partial(probe, device=where), plan_of_suite.suite.plugins)
    costs = measured(most, work, count, is_cpu(where), together or default_together(where))
    _print_estimate(estimate(following.cells, costs, count), where)
    if seeding:
        for what, cells in (("expected", expected(plan_of_suite, seeding)), ("at most", most)):
            print(f"{what}: {len(cells)} cells, {_duration(estimate(cells, costs, count).seconds)}")


def _prepared(
    name: str, overrides: list[str] | None, plugged: list[str] | None, out: Path | None, fresh: bool
) -> Prepared:
    """Return the plan of a suite with its results folder; print what plug-ins, data and the folder have to tell."""
    from bench import plugins
    from bench.plan.prepare import prepare
    from bench.suite import find, load, place

    loaded = load(name, overrides or (), plugged or ())
    for plugin in plugins.load(loaded.plugins):
        print(plugin)
    prepared = prepare(loaded, out or Path("results") / loaded.name, place(str(find(name)), overrides or ()), fresh)
    for cell_id in prepared.damaged:
        print(f"damaged: {prepared.results / 'cells' / cell_id}.json is not what was written; its cell runs again")
    for note in prepared.plan.notes:
        print(note)
    return prepared


def _duration(seconds: float) -> str:
    from bench.execute.progress import duration

    return duration(seconds) if math.isfinite(seconds) else "a time that could not be measured"


#: The share of its time with a processor from which a step counts as one on an idle machine.
_HAD_IT = 0.9


def _print_estimate(cost: Estimate, device: str) -> None:
    from bench.execute.progress import duration

    def size(count: int | None) -> str:
        return "-" if count is None else f"{count / 2**20:,.0f} MiB"

    width = max(len(line.label) for line in cost.lines)
    print(f"{'family':{width}}  {'cells':>6}  {'time':>14}  {'peak memory':>12}")
    for line in cost.lines:
        figures = line.reason or f"{duration(line.seconds):>14}  {size(line.peak_memory_bytes):>12}"
        print(f"{line.label:{width}}  {line.cells:>6}  {figures}")
    measured = [line for line in cost.lines if line.reason is None]
    if len(measured) == len(cost.lines):
        print(
            f"about {duration(cost.seconds)} with {cost.workers} workers on {device}; "
            f"peak memory of a worker {size(cost.peak_memory_bytes)}"
        )
        if cost.idle_seconds < _HAD_IT * cost.seconds:
            share = cost.idle_seconds / cost.seconds
            print(
                f"about {duration(cost.idle_seconds)} on an idle machine: "
                f"the steps that were run had a processor for {share:.0%} of their time"
            )
    else:
        print("no estimate of the whole: a family could not be measured")
