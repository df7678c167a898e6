"""Functions on the sphere and their masks: as maps, and as the sphere is seen from outside."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from bench.domains.sphere.action import read_at
from bench.errors import UserError
from bench.execute.data import load_data
from bench.execute.retrain import trained_on
from bench.figures import style
from bench.geometry import domain
from bench.registry import datasets
from bench.show.trained import find

SIDE = 160
"""Pixels of a sphere as it is seen."""

#: From where a sphere is seen: above the equator, in front and behind.
VIEWS = {"front": (1.0, 0.0, 0.6), "back": (-1.0, 0.0, -0.6)}


def draw(dataset: str, bandwidth: int, strengths: Sequence[float], count: int, seed: int) -> Figure:
    """Return a picture of ``count`` test examples of a data set, one row for each strength of rotation."""
    if dataset not in datasets or datasets[dataset].domain != "sphere":
        known = ", ".join(entry.name for entry in datasets if entry.domain == "sphere")
        raise UserError(f"--data {dataset} is no data set of the sphere; accepted are {known}")
    if wrong := [strength for strength in strengths if not 0 <= strength <= 1]:
        raise UserError(f"--strengths {wrong[0]:g} is no strength; accepted are numbers from 0 to 1")
    options = datasets[dataset].options
    data = load_data(dataset, options.model_validate({"bandwidth": bandwidth}).model_dump())
    of = domain("sphere")
    rows: dict[str, tuple[Tensor, Tensor | None]] = {}
    for strength in strengths:
        moving = of.augmentation(data.shape, of.default_group, strength, of.resamplings[0], "none")
        test = data.test.take(torch.arange(count))
        values, targets = moving.both(test.inputs.float() / 255, test.targets, seed, "show")
        rows[f"strength {strength:g}"] = values, targets if targets.dim() > 1 else None
    return _sheet(rows, data.shape.outputs)


def draw_cell(results: Path, cell_id: str, count: int) -> Figure:
    """Train a cell of a results folder again; return a picture of moved test examples, their masks, and its own."""
    cell = find(results, cell_id)
    if cell.domain != "sphere" or cell.task != "segmentation":
        raise UserError(f"--cell {cell_id} is of {cell.dataset}; accepted are cells of masks on the sphere")
    network, (values, targets) = trained_on(cell, "cpu")
    values, targets = values[:count], targets[:count]
    with torch.no_grad():
        answers = network(values).argmax(1)
    seen = values / values.abs().max()
    outputs = int(load_data(cell.dataset, cell.dataset_options).shape.outputs)
    return _sheet({"truth": (seen, targets), cell.label: (seen, answers)}, outputs)


def _sheet(rows: dict[str, tuple[Tensor, Tensor | None]], classes: int) -> Figure:
    """Return a figure of rows of examples, each as a map and as two views of the sphere, masks over the values."""
    count = len(next(iter(rows.values()))[0])
    with style.paper():
        figure = Figure(figsize=(2.6 * count + 0.4, 1.0 * len(rows) + 0.4), layout="constrained", dpi=100)
        FigureCanvasAgg(figure)
        widths = [2.0, 1.0, 1.0] * count
        grid = figure.subplots(len(rows), 3 * count, squeeze=False, width_ratios=widths)
        for axes, (name, (values, masks)) in zip(grid, rows.items(), strict=True):
            for i in range(count):
                mask = None if masks is None else masks[i : i + 1]
                _map(axes[3 * i], values[i : i + 1], mask, classes)
                for ax, (view, towards) in zip(axes[3 * i + 1 : 3 * i + 3], VIEWS.items(), strict=True):
                    _globe(ax, values[i : i + 1], mask, towards, classes)
                    if axes is grid[0]:
                        ax.set_title(view)
            axes[0].set_ylabel(textwrap.fill(name, 16), fontsize=6)
        for ax in grid.ravel():
            ax.set(xticks=[], yticks=[])
            for spine in ax.spines.values():
                spine.set_visible(False)
        return figure


def _map(ax: Axes, values: Tensor, mask: Tensor | None, classes: int) -> None:
    """Draw latitudes from north to south over longitudes from 0 to 360 degrees."""
    ax.imshow(_coloured(values[0, 0].numpy(), None if mask is None else mask[0].numpy(), classes), aspect="auto")


def _globe(ax: Axes, values: Tensor, mask: Tensor | None, towards: tuple[float, float, float], classes: int) -> None:
    """Draw the half of the sphere that is seen from a direction, the poles' axis upright."""
    forward = np.array(towards) / np.linalg.norm(towards)
    right = np.cross([0, 0, 1.0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    line = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    u, v = np.meshgrid(line, -line)
    inside = u**2 + v**2 <= 1
    depth = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    points = u[..., None] * right + v[..., None] * up + depth[..., None] * forward
    flat = torch.from_numpy(points.reshape(1, -1, 3)).float()
    seen = read_at(values.float(), flat, "bilinear")[0, 0].view(SIDE, SIDE).numpy()
    labels = None
    if mask is not None:
        shares = torch.nn.functional.one_hot(mask.long(), classes).movedim(-1, 1).float()
        labels = read_at(shares, flat, "bilinear")[0].argmax(0).view(SIDE, SIDE).numpy()
    picture = _coloured(seen, labels, classes)
    picture[~inside] = 1
    ax.imshow(picture)


def _coloured(values: np.ndarray, labels: np.ndarray | None, classes: int) -> np.ndarray:
    """Return grey values, with the colours of classes but the background over them: (H, W, 3)."""
    grey = np.repeat(values.clip(0, 1)[..., None], 3, -1)
    if labels is None:
        return grey
    colours = colormaps["tab10"](np.arange(max(10, classes - 1)) % 10)[:, :3]
    over = colours[np.clip(labels.astype(int) - 1, 0, None)]
    return np.where((labels > 0)[..., None], 0.35 * grey + 0.65 * over, grey)
