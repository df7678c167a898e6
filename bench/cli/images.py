"""`equivaug advise`: a person's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.options import DeviceOption, FreshOption, OutOption, WorkersOption, finite


@app.command()
def advise(
    data: Annotated[Path, typer.Argument(help="A folder with a subfolder of images per class, or an .npz.")],
    minutes: Annotated[float, typer.Option(min=0, callback=finite, help="How long it may take.")] = 20,
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
