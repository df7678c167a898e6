"""`equivaug show`: parses, calls, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Pictures of what equivariance is.", no_args_is_help=True)

OUT = Path("results/gallery")
OutOption = Annotated[Path, typer.Option(help="The folder to write to.")]


@app.command()
def fields(
    image: Annotated[Path | None, typer.Option(help="A PNG or JPEG of your own; by default a flower.")] = None,
    size: Annotated[int, typer.Option(min=16, max=513, help="Pixels on a side that the image is resampled to.")] = 97,
    frames: Annotated[int, typer.Option(min=2, max=360, help="Angles, evenly spaced over a full turn.")] = 24,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the random weights.")] = 0,
    results: Annotated[Path | None, typer.Option(help="A results folder, for the fields of one of its cells.")] = None,
    cell: Annotated[str | None, typer.Option(help="The cell's id; it is trained again.")] = None,
    layer: Annotated[
        str | None, typer.Option(help="A layer of that cell; by default the last of the largest maps.")
    ] = None,
    out: OutOption = OUT,
) -> None:
    """Show the fields of networks while their input turns.

    Of a steerable and of a plain network, or of a cell of your results; as seen from outside, and turned back.
    """
    from bench.errors import UserError
    from bench.show.fields import draw, motion
    from bench.show.images import opened
    from bench.show.networks import plain, steerable
    from bench.show.trained import fields_of, find

    if (results is None) != (cell is None) or (layer and cell is None):
        raise UserError("--results and --cell go together, and --layer with both")
    angles = [360 * i / frames for i in range(frames)]
    if results is not None and cell is not None:
        chosen = find(results, cell)
        shown, images = fields_of(chosen, layer)
        picture = opened(image, images.shape[-1], images.shape[1]) if image else images[0]
        networks = {chosen.label: shown}
    else:
        picture = opened(image, size, None)
        networks = {"steerable": steerable(len(picture), seed), "plain": plain(len(picture), seed)}
    motions = {name: motion(network, picture, angles) for name, network in networks.items()}
    for path in draw(picture, angles, motions, out):
        print(path)
    for name, moving in motions.items():
        print(f"{name}: fields turned back change by {moving.instability:.3g}; resampling alone by {moving.floor:.3g}")


@app.command()
def kernels(
    group: Annotated[str, typer.Option(help="C4, D8, SO(2), O(2), ...")] = "C4",
    into: Annotated[str, typer.Option("--in", help="trivial, regular, irrep 1, ...")] = "trivial",
    to: Annotated[str, typer.Option("--to", help="trivial, regular, irrep 1, ...")] = "regular",
    size: Annotated[int, typer.Option(help="Pixels on a side, odd.")] = 7,
    out: OutOption = OUT,
) -> None:
    """Show a basis of equivariant kernels.

    From one representation of a group to another.
    """
    from bench.show.fields import save
    from bench.show.kernels import draw

    figure, count = draw(group, into, to, size)
    for path in save(figure, out / "kernels"):
        print(path)
    print(f"{count} kernels")


@app.command()
def sphere(
    data: Annotated[str, typer.Option(help="A data set of the sphere.")] = "spherical-digits-masks",
    bandwidth: Annotated[int, typer.Option(min=4, max=64, help="Of its grid, even.")] = 24,
    strengths: Annotated[list[float] | None, typer.Option(help="From 0 to 1; may be given many times.")] = None,
    count: Annotated[int, typer.Option(min=1, max=6, help="Examples.")] = 2,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the random rotations.")] = 0,
    results: Annotated[Path | None, typer.Option(help="A results folder, for the masks of one of its cells.")] = None,
    cell: Annotated[str | None, typer.Option(help="The cell's id; it is trained again.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to; of a cell 'pictures' in its results, for the report.")
    ] = None,
) -> None:
    """Show functions on the sphere as maps and as spheres.

    Of a data set, by strength of rotation; or the masks of a cell of your results beside the truth.
    """
    from bench.errors import UserError
    from bench.show.fields import save
    from bench.show.sphere import draw, draw_cell

    if (results is None) != (cell is None):
        raise UserError("--results and --cell go together")
    if bandwidth % 2:
        raise UserError(f"--bandwidth {bandwidth} is odd; accepted are even numbers from 4 to 64")
    if results is not None and cell is not None:
        figure, place = draw_cell(results, cell, count), (out or results / "pictures") / f"masks-{cell}"
    else:
        figure, place = draw(data, bandwidth, strengths or [0, 0.25, 1], count, seed), (out or OUT) / "sphere"
    for path in save(figure, place):
        print(path)


@app.command()
def boosts(
    rapidity: Annotated[list[float] | None, typer.Option(help="Of a boost, 0 to 8; may be given many times.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the random weights.")] = 0,
    out: OutOption = OUT,
) -> None:
    """Show what rounding costs the Lorentz symmetry.

    Of an equivariant and of a plain MLP, by the rapidity of a boost, in float32 and in float64.
    """
    from bench.show.boosts import draw, errors
    from bench.show.fields import save

    asked = sorted(set(rapidity or [0.25, 0.5, 1, 2, 3, 4, 5, 6]))
    of = errors(asked, seed)
    for path in save(draw(asked, of), out / "boosts"):
        print(path)
    for (family, name), values in of.items():
        print(f"{family}, {name}: " + ", ".join(f"{error:.2g}" for error in values))


@app.command()
def augmentations(
    data: Annotated[str, typer.Option(help="A data set of `equivaug list datasets`.")] = "digits",
    group: Annotated[str, typer.Option(help="C4, D8, SO(2), O(2), ...")] = "SO(2)",
    strengths: Annotated[list[float] | None, typer.Option(help="From 0 to 1; may be given many times.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the random elements.")] = 0,
    out: OutOption = OUT,
) -> None:
    """Show what each strength of augmentation does to images."""
    from bench.show.augmentations import draw
    from bench.show.fields import save

    for path in save(draw(data, group, strengths or [0, 0.25, 0.5, 1], seed), out / "augmentations"):
        print(path)
