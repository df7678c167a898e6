"""The fields of a network that a results folder has a cell of, trained again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.cell import Cell
from bench.domains.plane import Maps
from bench.errors import UserError, nearest
from bench.execute.retrain import trained
from bench.groups import trivial
from bench.networks.network import Network
from bench.plan.matrix import make
from bench.results.folder import SUITE
from bench.show.fields import Fields
from bench.suite import load


def find(folder: Path, cell_id: str) -> Cell:
    """Return a cell of a results folder by its id, or by the beginning of it; UserError if there is no such cell."""
    suite = folder / SUITE
    if not suite.is_file():
        raise UserError(f"{folder} has no {SUITE} that says what its cells are")
    cells = make(load(str(suite)), set(), str(suite)).todo
    matching = [cell for cell in cells if cell.cell_id.startswith(cell_id)]
    if len(matching) != 1:
        raise UserError(
            f"--cell '{cell_id}' is the beginning of {len(matching)} of the {len(cells)} cells of {folder}; "
            f"accepted is one 'cell_id' of its table runs, such as {cells[0].cell_id}"
        )
    return matching[0]


def fields_of(cell: Cell, layer: str | None) -> tuple[Fields, Tensor]:
    """Train a cell again; return what its ``layer``, by default the last of the largest maps, shows, and its images."""
    network, images = trained(cell, "cpu")
    traced = dict(network.trace(images[:1]))
    maps = [name for name, features in traced.items() if features.dim() == 4]
    with_fields = [name for name in reversed(maps) if len(_readouts(network, name))]
    chosen = layer or max(with_fields, key=lambda name: traced[name].shape[-1], default="")
    if chosen not in maps:
        raise UserError(f"--layer '{chosen}' is no layer with maps of {cell.label}{nearest(chosen, maps)}")
    readouts = _readouts(network, chosen)
    if not len(readouts):
        raise UserError(f"--layer {chosen} of {cell.label} has no scalar and vector field to show")
    # a field that the image leaves dark would show nothing
    brightness = torch.einsum("foc,cij->foij", readouts, traced[chosen][0]).flatten(1).norm(dim=1)
    readout = readouts[int(brightness.argmax())]

    def fields(batch: Tensor) -> Tensor:
        features = next(features_there for name, features_there in network.trace(batch) if name == chosen)
        return torch.einsum("oc,bc...->bo...", readout, features)

    return fields, images


def _readouts(network: Network, layer: str) -> Tensor:
    """Return (fields, 3, channels), what to read of a layer as a scalar and a vector field; none where it has none.

    A field of C_N's regular representation is a function of the rotations: its mean is a scalar, and its first Fourier
    coefficient a vector. Irreps of frequency 0 and 1 are paired. Of a plain network, three channels are as good as any.
    """
    law = network.laws[layer]
    if not isinstance(law, Maps):
        return torch.empty(0)
    fields = law.fields
    group = fields.group
    starts = dict(zip((rho.name for rho, _ in fields.fields), np.cumsum([0, *fields.widths]).tolist(), strict=False))
    counts = {rho.name: count for rho, count in fields.fields}
    scalar, identity = trivial(group).name, torch.eye(fields.channels)
    if "regular" in starts and not group.mirrors and (group.rotations or 0) > 2:
        n = group.rotations or 0
        angles = 2 * torch.pi * torch.arange(n) / n
        read = torch.stack([torch.ones(n), 2 * angles.cos(), 2 * angles.sin()]) / n
        blocks = identity[starts["regular"] :][: n * counts["regular"]].unflatten(0, (counts["regular"], n))
        of_fields: Tensor = torch.einsum("on,fnc->foc", read, blocks)
        return of_fields
    if group.rotations == 1 and not group.mirrors:
        triples: Tensor = identity[: fields.channels // 3 * 3].unflatten(0, (-1, 3))
        return triples
    vector = "irrep 1"
    if {scalar, vector} <= starts.keys() and (group.rotations is None or group.rotations > 2):
        pairs = min(counts[scalar], counts[vector])
        scalars = identity[starts[scalar] :][:pairs, None]
        vectors = identity[starts[vector] :][: 2 * pairs].unflatten(0, (pairs, 2))
        return torch.cat([scalars, vectors], 1)
    return torch.empty(0)
