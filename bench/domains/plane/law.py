"""How images and feature maps transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.groups import Element, FieldType, Representation, Resampling, act, centred_disc, trivial

# (x, y) -> the velocity of the flow there
Flow = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

#: Flows of the plane, in units of half the image's side from its centre, x right and y up.
FLOWS: Mapping[str, Flow] = {
    "translation x": lambda x, y: (torch.ones_like(x), torch.zeros_like(x)),
    "translation y": lambda x, y: (torch.zeros_like(x), torch.ones_like(x)),
    "rotation": lambda x, y: (-y, x),
    "scale": lambda x, y: (x, y),
    "shear": lambda x, y: (y, torch.zeros_like(x)),
}

_TURN = 1e-6


@dataclass(frozen=True)
class Pixels:
    """Images (B, C, S, S): their pixels move, their colours stay; seen on the centred disc."""

    resampling: Resampling = "spline"

    def act(self, images: Tensor, g: Element) -> Tensor:
        return act(images, g, self.resampling)

    def weights(self, images: Tensor) -> Tensor:
        return centred_disc(images)

    def derivative(self, images: Tensor, flow: str) -> Tensor:
        return moving(images, flow, images.shape[-1])


@dataclass(frozen=True)
class Maps:
    """Feature maps (B, C, s, s) of images of ``size`` pixels: they move, and their fields transform."""

    fields: FieldType
    size: int

    def act(self, maps: Tensor, g: Element) -> Tensor:
        return self.fields.act(maps, g)

    def weights(self, maps: Tensor) -> Tensor:
        return centred_disc(maps)

    def derivative(self, maps: Tensor, flow: str) -> Tensor | None:
        """A rotation acts on scalars, and on other fields where all rotations do; shear on scalars alone."""
        group = self.fields.group
        has_others = any(rho != trivial(group) for rho, _ in self.fields.fields)
        if has_others and (flow == "shear" or (flow == "rotation" and group.rotations is not None)):
            return None
        moved = moving(maps, flow, self.size)
        return moved + _turned(self.fields, maps) if has_others and flow == "rotation" else moved


def moving(maps: Tensor, flow: str, size: int) -> Tensor:
    """Return d/dt T_exp(tX) of maps (B, C, s, s) of images of ``size`` pixels at t = 0: -v . grad, zeros outside."""
    side = maps.shape[-1]
    half = size / 2 / round(size / side)  # of the image's side, in pixels of the map
    offset = (torch.arange(side, device=maps.device, dtype=maps.dtype) - (side - 1) / 2) / half
    x, y = offset.expand(side, side), -offset[:, None].expand(side, side)
    padded = torch.nn.functional.pad(maps, (1, 1, 1, 1))
    along_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) * (half / 2)
    along_y = (padded[..., :-2, 1:-1] - padded[..., 2:, 1:-1]) * (half / 2)
    u, v = FLOWS[flow](x, y)
    return -(u * along_x + v * along_y)


def _turned(fields: FieldType, features: Tensor) -> Tensor:
    """Return the derivative of the action on channels, by the angle in radians."""
    blocks = torch.split(features, fields.widths, dim=1)
    parts = []
    for (rho, count), block in zip(fields.fields, blocks, strict=True):
        generator = torch.as_tensor(_generator(rho), dtype=features.dtype, device=features.device)
        apart = block.unflatten(1, (count, rho.size))
        parts.append(torch.einsum("ij,bcj...->bci...", generator, apart).flatten(1, 2))
    return torch.cat(parts, 1)


def _generator(rho: Representation) -> np.ndarray:
    """Return the derivative of a representation by the angle at the identity (size, size)."""
    there, back = (rho(Element.rotation(sign * math.degrees(_TURN))) for sign in (1, -1))
    generator: np.ndarray = (there - back) / (2 * _TURN)
    return generator
