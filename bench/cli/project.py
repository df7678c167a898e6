"""Commands about the tool itself: the gate, what suites can name, the installation, data files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.options import DeviceOption, PluginOption
from bench.errors import UserError
from bench.show.command import app as show_app

data_app = typer.Typer(help="The files that data sets are made from.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(show_app, name="show")


@app.command()
def gate(
    record: Annotated[bool, typer.Option("--record", help="Write a new baseline for this class of device.")] = False,
    baselines: Annotated[Path, typer.Option(help="The folder of baselines, one file per class of device.")] = Path(
        "results/speed"
    ),
    against: Annotated[
        str, typer.Option(metavar="REV", help="Compare with a revision of this repository, measured side by side.")
    ] = "",
    only: Annotated[str, typer.Option(help="Workloads with this in their name, such as 'step' or 'hnet'.")] = "",
    device: DeviceOption = "auto",
) -> None:
    """Say whether this code got slower, larger or less exact.

    Than a revision is, or than what was recorded.
    The exit code is 0 if not, 1 if so, and 3 if it cannot be told.
    """
    from bench.gate import command
    from bench.run import chosen_device

    where = chosen_device(device)
    if against and record:
        raise UserError("--record and --against exclude each other: the one writes what the other does not read")
    if against:
        raise typer.Exit(command.gate_against(against, where, only))
    raise typer.Exit(command.record(baselines, where) if record else command.gate(baselines, where, only))


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="families, datasets, measurements, suites or augmentations.")],
    plugin: PluginOption = None,
) -> None:
    """List what a suite file can name, with the options of each."""
    from bench import plugins
    from bench.suite.listing import listing

    plugins.load(plugin or ())
    for line in listing(kind):
        print(line)


@app.command()
def schema(plugin: PluginOption = None) -> None:
    """Print the JSON Schema of suite files, for editors."""
    from bench import plugins
    from bench.suite.schema import suite_schema

    plugins.load(plugin or ())
    print(json.dumps(suite_schema(), indent=2))


@app.command()
def doctor(
    check: Annotated[
        bool, typer.Option("--check", help="Check that the device gives right numbers, and how fast: up to 5 minutes.")
    ] = False,
    device: DeviceOption = "auto",
    out: Annotated[Path, typer.Option(help="With --check: the file of findings, JSON lines.")] = Path("doctor.jsonl"),
) -> None:
    """Print versions, devices and data, and what is missing.

    With --check also try the device. The exit code is 1 if the installation lacks something, or the device gives a
    wrong number.
    """
    from bench.doctor.report import report

    lines, complete = report()
    print("\n".join(lines))
    if check and complete:
        from bench.doctor.command import check as checked
        from bench.run import chosen_device

        raise typer.Exit(checked(chosen_device(device), out))
    raise typer.Exit(0 if complete else 1)


@data_app.command()
def fetch(name: Annotated[str, typer.Argument(help="A data set of `equivaug list datasets`.")]) -> None:
    """Download what a data set needs and check it."""
    from bench.data.cache import fetch_dataset

    files = fetch_dataset(name)
    print("\n".join(map(str, files)) if files else f"{name} needs no download")
