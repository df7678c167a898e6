"""The command line: parses, calls, prints.

What is heavy (torch, pandas, matplotlib) is imported by the command that needs it, so that help comes at once.
"""

from __future__ import annotations

import io
import json
import math
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import bench
from bench.errors import UserError, nearest, printable
from bench.plaintext import HANDLER
from bench.show.command import app as show_app

if TYPE_CHECKING:
    from bench.estimate import Estimate
    from bench.prepare import Prepared
    from bench.tables import Tables

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="The files that data sets are made from.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(show_app, name="show")

SuiteArgument = Annotated[str, typer.Argument(help="A suite file, or the name of one of `equivaug list suites`.")]
ResultsArgument = Annotated[Path, typer.Argument(help="A results folder.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override, such as budget.steps=100; may be given many times.")
]
PluginOption = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="A Python file with families, data sets or measurements of your own; it is run."),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Cells at a time; by default one per core on CPU, one on a GPU.")
]
TogetherOption = Annotated[
    int | None,
    typer.Option(min=1, help="Cells of one architecture that train as one batched network; 1 on CPU, 8 on a GPU."),
]
OutOption = Annotated[Path | None, typer.Option(help="Results folder; by default results/<name of the suite>.")]
ValueOption = Annotated[str, typer.Option(help="What is compared: transformed_accuracy, test_accuracy, test_nll, ...")]
FreshOption = Annotated[
    bool, typer.Option("--fresh/--resume", help="Start over, or go on from the cells that are done.")
]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number to work with; give a finite one")
    return value


def _print_version(asked: bool) -> None:
    if asked:
        print(f"equivaug {bench.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Build the symmetry in, or learn it from augmented data? Runs a suite that measures both."""


def main() -> None:
    """Run the command line; what a person can mend is one sentence and exit code 2."""
    # commands write files: whatever backend a notebook or a shell asks for is for somebody else's windows
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
    try:
        app(prog_name="equivaug")
    except UserError as error:
        print(f"equivaug: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        from bench.run import stop_printing

        stop_printing()
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if error.filename is None:
            raise
        print(f"equivaug: {printable(str(error.filename))} cannot be used: {error.strerror}", file=sys.stderr)
        sys.exit(2)


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
    from bench.plugins import Carried
    from bench.run import carry_out, chosen_device, default_workers

    where = chosen_device(device)
    found = _prepared(suite, overrides, plugin, out, fresh)
    work, count = Carried(run_cells, found.plan.suite.plugins), workers or default_workers(where)
    raise typer.Exit(carry_out(found.plan, work, found.results, where, count, fresh, together))


@app.command()
def plan(
    suite: SuiteArgument,
    overrides: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    out: OutOption = None,
    fresh: FreshOption = False,
) -> None:
    """Print what a suite has to do, and what that will cost.

    Time and memory come from steps that are really run.
    """
    from functools import partial

    from bench.estimate import busy, estimate, measured
    from bench.execute.probe import probe
    from bench.plugins import Carried
    from bench.rounds import expected, largest, rounds
    from bench.run import chosen_device, default_workers, is_cpu
    from bench.store import Store

    where = chosen_device(device)
    found = _prepared(suite, overrides, plugin, out, fresh)
    made, seeding = found.plan, found.plan.suite.seeding
    print(f"{'up to ' if seeding else ''}{len(made.cells)} cells in {found.results}: {found.state}")
    for reason in dict.fromkeys(made.impossible.values()):
        print(f"  impossible: {reason}")
    if not made.todo:
        return
    count = workers or default_workers(where)
    if told := busy():
        print(told)
    following = next(rounds(made, None if fresh else Store(found.results)))
    print("\n".join(following.reasons), end="\n" * bool(following.reasons))
    if not following.cells:
        return
    most = largest(made, seeding) if seeding else made.todo
    costs = measured(most, Carried(partial(probe, device=where), made.suite.plugins), count, is_cpu(where))
    _print_estimate(estimate(following.cells, costs, count), where)
    if seeding:
        for what, cells in (("expected", expected(made, seeding)), ("at most", most)):
            print(f"{what}: {len(cells)} cells, {_duration(estimate(cells, costs, count).seconds)}")


@app.command()
def tables(
    results: ResultsArgument,
    form: Annotated[str | None, typer.Option("--format", help="Print an analysis instead: md, latex or csv.")] = None,
    of: Annotated[
        str, typer.Option(help="summary, controls, exchange, rates, differences, frontier or time")
    ] = "summary",
    value: ValueOption = "transformed_accuracy",
) -> None:
    """Write the tables of a results folder anew.

    With --format, print what they say as a paper does instead.
    """
    from bench import tables as made
    from bench.results import check_readable

    if form is not None:
        from bench.analysis.printed import FORMATS, KINDS, printed
        from bench.analysis.ranking import BETTER

        _check_choice("--format", form, [*FORMATS, "csv"])
        _check_choice("--of", of, KINDS)
        _check_choice("--value", value, BETTER)
        print(printed(made.read(results), of, value, form), end="")
        return
    check_readable(results)
    built, damaged = made.rebuild(results)
    _print_tables(built, results)
    for cell_id in damaged:
        print(f"left out: cell {cell_id}, whose shard is damaged; `equivaug run` runs it again")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="The results folder to compare with.")],
    b: Annotated[Path, typer.Argument(help="The results folder that is judged.")],
    value: ValueOption = "transformed_accuracy",
    tolerance: Annotated[
        float,
        typer.Option(
            min=0, callback=_finite, help="A change that is let pass: a share of accuracies, relative of the others."
        ),
    ] = 0.0,
) -> None:
    """Say what improved and what regressed from A to B.

    Cell by cell; the exit code is 1 if something regressed beyond the tolerance.
    """
    from bench import tables as made
    from bench.analysis.compare import compare as compare_tables
    from bench.analysis.compare import told
    from bench.analysis.ranking import BETTER

    _check_choice("--value", value, BETTER)
    before, after = made.read(a), made.read(b)
    try:
        found = compare_tables(before, after, value, tolerance)
    except ValueError as error:
        raise UserError(f"{a} and {b} cannot be compared: {error}") from error
    print("\n".join(told(found)))
    raise typer.Exit(1 if found.regressed else 0)


@app.command()
def power(
    results: ResultsArgument,
    points: Annotated[float, typer.Option(min=0.01, max=100, callback=_finite, help="The difference to find.")] = 2.0,
) -> None:
    """Say how many seeds a difference needs.

    From the noise of the seeds that there are: for one number of seeds, and for looking at 3, 5, 8 and 12.
    """
    from bench import tables as made
    from bench.analysis.power import power as needed
    from bench.analysis.power import told

    print("\n".join(told(needed(made.read(results).runs, points / 100), points / 100)))


@app.command()
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Results folders.")],
    into: Annotated[Path, typer.Option(help="A new folder for all their cells.")],
) -> None:
    """Put the cells of several results folders into a new one.

    Two different results of one cell are an error.
    """
    from bench.results import merge as merge_folders

    _print_tables(merge_folders(sources, into), into)


@app.command()
def plot(results: ResultsArgument) -> None:
    """Draw the figures of a results folder anew from its tables."""
    from bench import figures
    from bench import tables as made

    read = made.read(results)
    for path in figures.draw_all(read, results / "figures"):
        print(path)
    for figure, reason in figures.skipped(read).items():
        print(f"not drawn: {figure}, because {reason}")


@app.command()
def report(
    results: ResultsArgument,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; by default report.html beside the tables.")
    ] = None,
) -> None:
    """Write one page: the verdict, charts and every cell.

    The page needs no network to be read.
    """
    from bench.report import write

    print(write(results, out))


@app.command()
def advise(
    data: Annotated[Path, typer.Argument(help="A folder with a subfolder of images per class, or an .npz.")],
    minutes: Annotated[float, typer.Option(min=0, callback=_finite, help="How long it may take.")] = 20,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    out: OutOption = None,
    fresh: FreshOption = False,
) -> None:
    """Say whether your own images need a symmetry built in.

    Looks which symmetry they have, and trains a small matrix on them within the minutes.
    """
    from bench.advise.command import carry_out

    raise typer.Exit(carry_out(data, minutes, yes, device, workers, out, fresh))


@app.command()
def gate(
    record: Annotated[bool, typer.Option("--record", help="Write a new baseline for this class of device.")] = False,
    baselines: Annotated[Path, typer.Option(help="The folder of baselines, one file per class of device.")] = Path(
        "results/speed"
    ),
    only: Annotated[str, typer.Option(help="Workloads with this in their name, such as 'step' or 'hnet'.")] = "",
    device: DeviceOption = "auto",
) -> None:
    """Say whether this code got slower, larger or less exact.

    The exit code is 0 if not, 1 if so, and 3 if it cannot be told.
    """
    from bench.gate import command
    from bench.run import chosen_device

    where = chosen_device(device)
    raise typer.Exit(command.record(baselines, where) if record else command.gate(baselines, where, only))


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="families, datasets, measurements, suites or augmentations.")],
    plugin: PluginOption = None,
) -> None:
    """List what a suite file can name, with the options of each."""
    from bench import plugins
    from bench.listing import listing

    plugins.load(plugin or ())
    for line in listing(kind):
        print(line)


@app.command()
def schema(plugin: PluginOption = None) -> None:
    """Print the JSON Schema of suite files, for editors."""
    from bench import plugins
    from bench.schema import suite_schema

    plugins.load(plugin or ())
    print(json.dumps(suite_schema(), indent=2))


@app.command()
def doctor() -> None:
    """Print versions, devices and data, and what is missing.

    The exit code is 1 if the installation lacks something.
    """
    from bench.doctor import report

    lines, complete = report()
    print("\n".join(lines))
    raise typer.Exit(0 if complete else 1)


@data_app.command()
def fetch(name: Annotated[str, typer.Argument(help="A data set of `equivaug list datasets`.")]) -> None:
    """Download what a data set needs and check it."""
    from bench.data.cache import fetch_dataset

    files = fetch_dataset(name)
    print("\n".join(map(str, files)) if files else f"{name} needs no download")


def _check_choice(option: str, found: str, known: Iterable[str]) -> None:
    if found not in known:
        raise UserError(f"{option} '{found}' is unknown{nearest(found, known)}")


def _prepared(
    name: str, overrides: list[str] | None, plugged: list[str] | None, out: Path | None, fresh: bool
) -> Prepared:
    """Return the plan of a suite with its results folder; print what plug-ins, data and the folder have to tell."""
    from bench import plugins
    from bench.prepare import prepare
    from bench.suite import find, load, place

    loaded = load(name, overrides or (), plugged or ())
    for plugin in plugins.load(loaded.plugins):
        print(plugin)
    found = prepare(loaded, out or Path("results") / loaded.name, place(str(find(name)), overrides or ()), fresh)
    for cell_id in found.damaged:
        print(f"damaged: {found.results / 'cells' / cell_id}.json is not what was written; its cell runs again")
    for note in found.plan.notes:
        print(note)
    return found


def _duration(seconds: float) -> str:
    from bench.execute.progress import duration

    return duration(seconds) if math.isfinite(seconds) else "a time that could not be measured"


def _print_estimate(cost: Estimate, device: str) -> None:
    from bench.execute.progress import duration

    def size(count: int | None) -> str:
        return "-" if count is None else f"{count / 2**20:,.0f} MiB"

    width = max(len(line.label) for line in cost.lines)
    print(f"{'family':{width}}  {'cells':>6}  {'time':>14}  {'peak memory':>12}")
    for line in cost.lines:
        told = line.reason or f"{duration(line.seconds):>14}  {size(line.peak_memory_bytes):>12}"
        print(f"{line.label:{width}}  {line.cells:>6}  {told}")
    measured = [line for line in cost.lines if line.reason is None]
    if len(measured) == len(cost.lines):
        print(
            f"about {duration(cost.seconds)} with {cost.workers} workers on {device}; "
            f"peak memory of a worker {size(cost.peak_memory_bytes)}"
        )
    else:
        print("no estimate of the whole: a family could not be measured")


def _print_tables(built: Tables, results: Path) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in built.runs["status"].value_counts().items())
    print(f"{results}: {len(built.runs)} cells ({counts or 'none'})")
    for name, frame in vars(built).items():
        print(f"  {results / name}.parquet, .csv: {len(frame)} rows")
