"""The command line: what every command shares, and how errors end."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated

import typer

import bench
from bench.errors import UserError, printable
from bench.plaintext import HANDLER

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
