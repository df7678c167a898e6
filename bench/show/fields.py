"""Feature fields of a rotating image, as seen from outside and in the frame that turns with the image.

Seen from there, the fields of an equivariant network stand still, up to what resampling on the pixel grid costs; those
of a plain network change with the angle (the animation that Weiler & Cesa 2019 showed with e2cnn).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from bench.atomic import write_atomically
from bench.figures import style
from bench.groups import Element, act, centred_disc
from bench.show.networks import OUTPUT

# images (B, C, S, S) -> a scalar and a vector field (B, 3, S', S')
Fields = Callable[[Tensor], Tensor]

ARROWS = 13
COLOURS = 64
STRIP = 6


@dataclass(frozen=True)
class Motion:
    """One network's fields over the frames: ``seen`` and ``comoving`` are (frames, 3, S, S), masked to the disc.

    ``instability`` is the mean over frames of ||comoving - first|| / ||first||; ``floor`` that of turning the first
    frame's fields there and back, which is resampling alone.
    """

    seen: Tensor
    comoving: Tensor
    instability: float
    floor: float


@torch.no_grad()
def motion(fields: Fields, image: Tensor, angles: Sequence[float]) -> Motion:
    """Return the fields of an image (C, S, S) that is turned by ``angles`` in degrees, the first of which is 0."""
    image = image * centred_disc(image)
    turns = [Element.rotation(angle) for angle in angles]
    seen = [fields(act(image[None], g)) for g in turns]
    comoving = torch.cat([OUTPUT.act(features, ~g) for features, g in zip(seen, turns, strict=True)])
    there_and_back = torch.cat([OUTPUT.act(OUTPUT.act(seen[0], g), ~g) for g in turns])
    mask = centred_disc(comoving)
    first = comoving[:1] * mask

    def change(features: Tensor) -> float:
        return float(((features * mask - first).flatten(1).norm(dim=1) / first.norm()).mean())

    return Motion(torch.cat(seen) * mask, comoving * mask, change(comoving), change(there_and_back))


def draw(image: Tensor, angles: Sequence[float], motions: Mapping[str, Motion], folder: Path) -> list[Path]:
    """Write ``fields.gif``, one frame per angle, and ``fields.png`` and ``.pdf``, a strip of some of them."""
    turned = [act(image * centred_disc(image), Element.rotation(angle)) for angle in angles]
    frames = [_frame(turned[i], i, angle, motions) for i, angle in enumerate(angles)]
    buffer = io.BytesIO()
    palette = frames[0].quantize(COLOURS)
    frames = [frame.quantize(COLOURS, palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:], duration=80, loop=0, optimize=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "fields.gif", buffer.getvalue())
    return [folder / "fields.gif", *save(_strip(turned, angles, motions), folder / "fields")]


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and PDF; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    dates = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    for kind, metadata in dates.items():
        buffer = io.BytesIO()
        with style.paper():
            figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
        write_atomically(path.with_suffix(f".{kind}"), buffer.getvalue())
        paths.append(path.with_suffix(f".{kind}"))
    return paths


def _frame(turned: Tensor, i: int, angle: float, motions: Mapping[str, Motion]) -> Image.Image:
    with style.paper():
        figure, grid = _sheet(len(motions), 3, 1.6)
        for row, (name, moving) in zip(grid, motions.items(), strict=True):
            _image(row[0], turned)
            _field(row[1], moving.seen[i], moving)
            _field(row[2], moving.comoving[i], moving)
            row[0].set_ylabel(name)
        for ax, title in zip(grid[0], (f"input, {angle:.0f}°", "fields", "turned back"), strict=True):
            ax.set_title(title)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _strip(turned: Sequence[Tensor], angles: Sequence[float], motions: Mapping[str, Motion]) -> Figure:
    """Return some frames side by side: the input, and each network's fields turned back."""
    chosen = [round(i * len(angles) / STRIP) for i in range(STRIP)] if len(angles) >= STRIP else range(len(angles))
    with style.paper():
        figure, grid = _sheet(1 + len(motions), len(chosen), 1.15)
        for column, i in enumerate(chosen):
            _image(grid[0, column], turned[i])
            grid[0, column].set_title(f"{angles[i]:.0f}°")
            for row, moving in enumerate(motions.values(), start=1):
                _field(grid[row, column], moving.comoving[i], moving)
        captions = [f"{name},\nturned back:\nchange {moving.instability:.2g}" for name, moving in motions.items()]
        for ax, name in zip(grid[:, 0], ["input", *captions], strict=True):
            ax.set_ylabel(name, fontsize=6)
        return figure


def _sheet(rows: int, columns: int, size: float) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(columns * size + 0.3, rows * size + 0.2), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax in grid.ravel():
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set_visible(False)
    return figure, grid


def _image(ax: Axes, image: Tensor) -> None:
    pixels = (image / image.max()).clamp(0, 1).movedim(0, -1).numpy()
    ax.imshow(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels[..., :3], cmap="gray")


def _field(ax: Axes, field: Tensor, moving: Motion) -> None:
    """Draw a scalar field as colour and a vector field as arrows, on the scale of the first frame."""
    scalar, vectors = field[0].numpy(), field[1:].numpy()
    first = moving.comoving[0]
    limit = float(first[0].abs().quantile(0.99)) or 1.0
    outside = ~centred_disc(field).bool().numpy()
    ax.imshow(np.ma.array(scalar, mask=outside), cmap=mpl.colormaps["PuOr"], vmin=-limit, vmax=limit)
    size = scalar.shape[-1]
    at = np.linspace(0, size - 1, ARROWS + 2)[1:-1].round().astype(int)
    x, y = np.meshgrid(at, at)
    keep = ~outside[y, x]
    length = float(first[1:].norm(dim=0).quantile(0.95)) or 1.0
    # rows grow downwards, y upwards
    u, v = vectors[0][y, x][keep] / length, vectors[1][y, x][keep] / length
    ax.quiver(x[keep], y[keep], u, v, angles="uv", scale=ARROWS, width=0.009, headwidth=4, color="black")
