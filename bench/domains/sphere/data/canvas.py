"""Pictures that are projected onto the sphere: one for a class, or one to four on a canvas with a mask."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from bench.data.dataset import Dataset, Split
from bench.domains.sphere.shape import sphere_shape
from bench.geometry import Shape
from bench.registry import Options
from bench.seeds import generator

#: The brightness above which a pixel belongs to what is drawn, of 255 (Gerken et al. 2022).
INK = 150
#: Places of a canvas, and of the pictures in it: a quarter each, one after the other in random order.
MOST = 4


class SphereOptions(Options):
    """The grid that pictures are projected onto."""

    bandwidth: int = Field(10, ge=4, le=64, description="b, even: a grid of 2b latitudes by 2b longitudes")

    project: Literal["band", "points"] = Field(
        "band", description="keep of a picture what the bandwidth can hold, or read it point by point, as published"
    )

    @field_validator("bandwidth")
    @classmethod
    def _even(cls, bandwidth: int) -> int:
        if bandwidth % 2:
            raise ValueError("the bandwidth must be even, so that quarter turns keep the grid")
        return bandwidth


class MaskOptions(SphereOptions):
    """The grid, and what is on a canvas."""

    most: int = Field(MOST, ge=1, le=MOST, description="pictures on a canvas: 1 to so many, each number as often")
    least: int = Field(1, ge=1, le=MOST, description="the fewest pictures on a canvas (4 in Gerken et al. 2022)")

    @field_validator("least")
    @classmethod
    def _ordered(cls, least: int, info: object) -> int:
        most = getattr(info, "data", {}).get("most", MOST)
        if least > most:
            raise ValueError(f"there cannot be {least} or more and {most} or fewer pictures on a canvas")
        return least


def classified(
    name: str, names: tuple[str, ...], splits: tuple[Split, Split, Split], options: SphereOptions
) -> Dataset:
    """Return pictures (N, 1, S, S) with their classes, to be projected."""
    shape = _shape(options, len(names), "classification", splits[0])
    return Dataset(name, shape, *splits, names)


def segmented(name: str, names: tuple[str, ...], splits: tuple[Split, Split, Split], options: MaskOptions) -> Dataset:
    """Return a canvas for each picture (N, 1, S, S), which is the first on it, with masks: class + 1, 0 background."""
    train, validation, test = (
        canvases(split, options.least, options.most, generator(0, "canvas", i)) for i, split in enumerate(splits)
    )
    shape = _shape(options, len(names) + 1, "segmentation", train)
    return Dataset(name, shape, train, validation, test, ("background", *names))


def _shape(options: SphereOptions, outputs: int, task: str, pictures: Split) -> Shape:
    side = pictures.inputs.shape[-1]
    return sphere_shape(options.bandwidth, outputs, task, picture=side, filtered=options.project == "band")


def canvases(split: Split, least: int, most: int, draws: torch.Generator) -> Split:
    """Return canvases (N, 1, T, T) of pictures (N, 1, S, S), T = 2.14 S (60 of 28), with masks (N, T, T).

    Picture i is on canvas i, with others of the split that are drawn at random; each lies in a quarter of its own, at a
    random place of it, so that none covers another. Where there is never more than one, it is its own canvas.
    """
    count, side = len(split), split.inputs.shape[-1]
    if most == 1:
        labels = (split.targets + 1).to(torch.uint8)[:, None, None]
        return Split(split.inputs, labels * (split.inputs[:, 0] > INK))
    half = round(side * 30 / 28)
    inputs = torch.zeros(count, 2 * half, 2 * half, dtype=torch.uint8)
    masks = torch.zeros_like(inputs)
    numbers = torch.randint(least, most + 1, (count,), generator=draws)
    quarters = torch.rand(count, MOST, generator=draws).argsort(1)
    for place in range(most):
        there = (place < numbers).nonzero()[:, 0]
        others = torch.randint(count, (count,), generator=draws)
        chosen = (torch.arange(count) if place == 0 else others)[there]
        shifts = torch.randint(half - side + 1, (count, 2), generator=draws)
        quarter = quarters[there, place]
        tops = (quarter // 2) * half + shifts[there, 0]
        lefts = (quarter % 2) * half + shifts[there, 1]
        rows = tops[:, None, None] + torch.arange(side)[:, None]
        columns = lefts[:, None, None] + torch.arange(side)
        pictures = split.inputs[chosen, 0]
        inputs[there[:, None, None], rows, columns] = pictures
        labels = (split.targets[chosen] + 1).to(torch.uint8)[:, None, None]
        masks[there[:, None, None], rows, columns] = labels * (pictures > INK)
    return Split(inputs.unsqueeze(1), masks)


def uint8(images: Tensor) -> Tensor:
    """Return grey values 0 to 255 of numbers."""
    return images.round().clamp(0, 255).to(torch.uint8)
