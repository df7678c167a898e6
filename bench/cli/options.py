"""Arguments and options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UserError, nearest

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
    typer.Option(min=1, help="Cells of one architecture that train beside one another; 1 on a CPU, 8 on a GPU."),
]
OutOption = Annotated[Path | None, typer.Option(help="Results folder; by default results/<name of the suite>.")]
ValueOption = Annotated[str, typer.Option(help="What is compared: transformed_score, test_score, test_loss, ...")]
FreshOption = Annotated[
    bool, typer.Option("--fresh/--resume", help="Start over, or go on from the cells that are done.")
]


def finite(value: float) -> float:
    """Return a number that a command can work with."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number to work with; give a finite one")
    return value


def check_choice(option: str, value: str, known: Iterable[str]) -> None:
    """Raise UserError for a choice that there is not, with the nearest that there is."""
    if value not in known:
        raise UserError(f"{option} '{value}' is unknown{nearest(value, known)}")
