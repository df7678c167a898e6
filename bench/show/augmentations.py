"""What each strength of augmentation does to the images of a data set."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.domains.plane import augmentation, default_crop
from bench.errors import UserError
from bench.execute.data import load_data
from bench.figures import style
from bench.groups import Group, MovingGroup, parse
from bench.registry import datasets

COLUMNS = 10


def draw(dataset: str, group: str, strengths: Sequence[float], seed: int) -> Figure:
    """Return a picture with one row per strength, of the same images of the data set, each moved by its own element."""
    if wrong := [strength for strength in strengths if not 0 <= strength <= 1]:
        raise UserError(f"--strengths {wrong[0]:g} is no strength; accepted are numbers from 0 to 1")
    parsed = parse(group)
    if datasets[dataset].domain != "plane":
        raise UserError(f"--data {dataset} has no images to show; accepted are data sets of the plane, such as digits")
    images = load_data(dataset, {}).train.inputs[:COLUMNS].float() / 255
    with style.paper():
        figure = Figure(figsize=(0.62 * COLUMNS + 1.2, 0.66 * len(strengths) + 0.1), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(strengths), len(images), squeeze=False)
        for row, strength in zip(grid, strengths, strict=True):
            moved = augmentation(parsed, strength, crop=default_crop(parsed))(images, seed, "augmentation")
            for ax, image in zip(row, moved.movedim(1, -1).numpy(), strict=True):
                ax.imshow(image.clip(0, 1), cmap="gray", vmin=0, vmax=1)
                ax.set(xticks=[], yticks=[])
            row[0].set_ylabel(_told(parsed, strength), rotation=0, ha="right", va="center", fontsize=6)
    return figure


def _told(group: MovingGroup, strength: float) -> str:
    lines = [f"strength {strength:g}"]
    if not isinstance(group, Group):
        return lines[0]
    if group.rotations is None or group.rotations > 1:
        lines.append(f"±{180 * strength:g}°" + (f" in C{group.rotations}" if group.rotations else ""))
    if group.mirrors:
        lines.append(f"mirrored {strength / 2:.0%}")
    return "\n".join(lines)
