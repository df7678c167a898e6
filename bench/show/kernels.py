"""The solved bases: every kernel from one representation to another, as pictures."""

from __future__ import annotations

import re

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.domains.plane.kernels import kernel_basis
from bench.errors import UserError
from bench.figures import style
from bench.groups import Group, Representation, irrep, regular, trivial

MOST = 40


def representation(group: Group, name: str) -> Representation:
    """Return ``trivial``, ``regular`` or ``irrep K`` of a group; UserError for another name."""
    if name == "trivial":
        return trivial(group)
    if name == "regular":
        return regular(group)
    if match := re.fullmatch(r"irrep ?([0-9]+)", name):
        return irrep(group, int(match[1]))
    raise UserError(f"unknown representation '{name}'; accepted are trivial, regular, irrep 0, irrep 1, ...")


def draw(group: str, into: str, out: str, size: int) -> tuple[Figure, int]:
    """Return a picture of the basis, a column per kernel and a row per pair of components, and its dimension."""
    if size % 2 == 0 or not 3 <= size <= 31:
        raise UserError(f"--size {size} is no kernel size; accepted are odd numbers from 3 to 31")
    parsed = Group.parse(group)
    basis = kernel_basis(representation(parsed, out), representation(parsed, into), size)
    count = len(basis)
    if count == 0:
        raise UserError(f"no kernel of {group} leads from {into} to {out}")
    shown = basis[:MOST]
    pairs = [(o, i) for o in range(shown.shape[1]) for i in range(shown.shape[2])][:8]
    with style.paper():
        figure = Figure(figsize=(0.45 * len(shown) + 0.6, 0.45 * len(pairs) + 0.4), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(pairs), len(shown), squeeze=False)
        for column, kernel in enumerate(shown):
            limit = float(np.abs(kernel).max())
            for row, (o, i) in enumerate(pairs):
                ax = grid[row, column]
                ax.imshow(kernel[o, i], cmap="RdBu_r", vmin=-limit, vmax=limit)
                ax.set(xticks=[], yticks=[])
        for row, (o, i) in enumerate(pairs):
            grid[row, 0].set_ylabel(f"{i} → {o}", fontsize=6)
        left_out = f", the first {MOST}" if count > MOST else ""
        figure.suptitle(f"{group}: {into} to {out}, {size} x {size}: {count} kernels{left_out}", fontsize=7)
    return figure, count
