"""Commands that read results folders: tables, comparisons, figures, the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.app import app
from bench.cli.options import ResultsArgument, ValueOption, check_choice, finite
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.results.tables import Tables


@app.command()
def tables(
    results: ResultsArgument,
    form: Annotated[str | None, typer.Option("--format", help="Print an analysis instead: md, latex or csv.")] = None,
    of: Annotated[
        str, typer.Option(help="summary, controls, exchange, rates, differences, frontier or time")
    ] = "summary",
    value: ValueOption = "transformed_score",
) -> None:
    """Write the tables of a results folder anew.

    With --format, print what they say as a paper does instead.
    """
    from bench.results import tables as results_tables
    from bench.results.folder import check_readable

    if form is not None:
        from bench.analysis.printed import FORMATS, KINDS, printed
        from bench.results.upgrade import todays_name
        from bench.scores import VALUES

        check_choice("--format", form, [*FORMATS, "csv"])
        check_choice("--of", of, KINDS)
        value = todays_name(value)
        check_choice("--value", value, VALUES)
        print(printed(results_tables.read(results), of, value, form), end="")
        return
    check_readable(results)
    built, damaged = results_tables.rebuild(results)
    _print_tables(built, results)
    for cell_id in damaged:
        print(f"left out: cell {cell_id}, whose shard is damaged; `equivaug run` runs it again")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="The results folder to compare with.")],
    b: Annotated[Path, typer.Argument(help="The results folder that is judged.")],
    value: ValueOption = "transformed_score",
    tolerance: Annotated[
        float,
        typer.Option(
            min=0, callback=finite, help="A change that is let pass: a share of accuracies, relative of the others."
        ),
    ] = 0.0,
) -> None:
    """Say what improved and what regressed from A to B.

    Cell by cell; the exit code is 1 if something regressed beyond the tolerance.
    """
    from bench.analysis.compare import compare as compare_tables
    from bench.analysis.compare import sentences
    from bench.results import tables as results_tables
    from bench.results.upgrade import todays_name
    from bench.scores import VALUES

    value = todays_name(value)
    check_choice("--value", value, VALUES)
    before, after = results_tables.read(a), results_tables.read(b)
    try:
        comparison = compare_tables(before, after, value, tolerance)
    except ValueError as error:
        raise UserError(f"{a} and {b} cannot be compared: {error}") from error
    print("\n".join(sentences(comparison)))
    raise typer.Exit(1 if comparison.regressed else 0)


@app.command()
def power(
    results: ResultsArgument,
    points: Annotated[float, typer.Option(min=0.01, max=100, callback=finite, help="The difference to find.")] = 2.0,
) -> None:
    """Say how many seeds a difference needs.

    From the noise of the seeds that there are: for one number of seeds, and for looking at 3, 5, 8 and 12.
    """
    from bench.analysis.power import power as needed
    from bench.analysis.power import sentences
    from bench.results import tables as results_tables

    print("\n".join(sentences(needed(results_tables.read(results).runs, points / 100), points / 100)))


@app.command()
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Results folders.")],
    into: Annotated[Path, typer.Option(help="A new folder for all their cells.")],
) -> None:
    """Put the cells of several results folders into a new one.

    Two different results of one cell are an error.
    """
    from bench.results.folder import merge as merge_folders

    _print_tables(merge_folders(sources, into), into)


@app.command()
def plot(results: ResultsArgument) -> None:
    """Draw the figures of a results folder anew from its tables."""
    from bench import figures
    from bench.results import tables as results_tables

    read = results_tables.read(results)
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


def _print_tables(built: Tables, results: Path) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in built.runs["status"].value_counts().items())
    print(f"{results}: {len(built.runs)} cells ({counts or 'none'})")
    for name, frame in vars(built).items():
        print(f"  {results / name}.parquet, .csv: {len(frame)} rows")
