"""The plain control: a CNN on the grid of latitudes and longitudes, with a mirrored decoder for masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from bench.domains.sphere.law import Signals
from bench.errors import Impossible
from bench.geometry import INVARIANT, UNKNOWN, Law, Shape
from bench.groups.plain import Trivial
from bench.networks.counts import counts, with_counts
from bench.networks.heads import MeanHead
from bench.networks.network import Network
from bench.registry import Options, families

Odd = Annotated[int, Field(ge=1, le=15)]


class SphereCnnOptions(Options):
    """Convolutions on the grid, one block per entry of ``channels``; masks have as many transposed ones after them."""

    channels: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        (1, 1, 2, 3), min_length=1, description="channels per block, in units of the width"
    )
    kernel_sizes: tuple[Odd, ...] = Field((5, 5, 3, 3), description="odd; one per block, or one for all")
    strides: tuple[Annotated[int, Field(ge=1, le=2)], ...] = Field(
        (1, 2, 1, 2), description="1 or 2; one per block, or one for all"
    )
    periodic: bool = Field(True, description="convolve around the longitudes; false pads with zeros, as published")

    @field_validator("kernel_sizes")
    @classmethod
    def _odd(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size % 2 == 0 for size in sizes):
            raise ValueError("kernel sizes must be odd")
        return sizes

    @model_validator(mode="after")
    def _consistent(self) -> SphereCnnOptions:
        for name in ("kernel_sizes", "strides"):
            if len(given := getattr(self, name)) not in (1, len(self.channels)):
                raise ValueError(f"{name} has {len(given)} entries; give 1 or one per block ({len(self.channels)})")
        return self

    def counts(self, width: float) -> list[int]:
        """Return how many channels each block has at a width."""
        return counts(self.channels, width)

    def with_counts(self, fields: Sequence[int], width: float) -> SphereCnnOptions:
        """Return the options with which each block has so many channels at a width."""
        return with_counts(self, fields, width)

    def each(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """Return one value per block."""
        return values if len(values) > 1 else values * len(self.channels)


class _Block(nn.Module):
    """A convolution of equal size (but for its stride), batch normalisation, and the rectifier."""

    def __init__(self, before: int, after: int, size: int, stride: int, periodic: bool) -> None:
        super().__init__()
        self.pad, self.periodic = size // 2, periodic
        self.convolution = nn.Conv2d(before, after, size, stride, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        if self.periodic:
            maps = F.pad(F.pad(maps, (self.pad, self.pad, 0, 0), mode="circular"), (0, 0, self.pad, self.pad))
        else:
            maps = F.pad(maps, (self.pad,) * 4)
        return F.relu(self.norm(self.convolution(maps)))


class _Up(nn.Module):
    """The transposed convolution that mirrors a block's, (B, C, h, w) to (B, K, h, w) times its stride."""

    def __init__(self, before: int, after: int, size: int, stride: int, periodic: bool, bias: bool) -> None:
        super().__init__()
        # as many columns from beyond the first and the last longitude as a point of the result can see
        self.beside, self.stride = (size // 2 + 1 if periodic else 0), stride
        self.convolution = nn.ConvTranspose2d(before, after, size, stride, size // 2, stride - 1, bias=bias)

    def forward(self, maps: Tensor) -> Tensor:
        if not self.beside:
            larger: Tensor = self.convolution(maps)
            return larger
        larger = self.convolution(F.pad(maps, (self.beside, self.beside, 0, 0), mode="circular"))
        outside = self.beside * self.stride
        return larger[..., outside:-outside]


class _Decoder(nn.Module):
    """Transposed convolutions that mirror the encoder's; each but the first also reads what its mirror image gave."""

    def __init__(self, options: SphereCnnOptions, widths: list[int], outputs: int) -> None:
        super().__init__()
        sizes, strides = options.each(options.kernel_sizes), options.each(options.strides)
        layers, norms = [], []
        for i in reversed(range(len(widths))):
            given = widths[i] * (1 if i == len(widths) - 1 else 2)
            after = outputs if i == 0 else widths[i - 1]
            layers.append(_Up(given, after, sizes[i], strides[i], options.periodic, bias=i == 0))
            norms.append(nn.Identity() if i == 0 else nn.Sequential(nn.BatchNorm2d(after), nn.ReLU()))
        self.layers, self.norms = nn.ModuleList(layers), nn.ModuleList(norms)

    def forward(self, encoded: list[Tensor]) -> Tensor:
        maps = encoded[-1]
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if i:
                maps = torch.cat([maps, encoded[-1 - i]], 1)
            maps = norm(layer(maps))
        return maps


class _Masks(nn.Module):
    """An encoder and its mirrored decoder: logits (B, K, 2b, 2b) of functions (B, C, 2b, 2b)."""

    def __init__(self, blocks: list[_Block], decoder: _Decoder) -> None:
        super().__init__()
        self.blocks, self.decoder = nn.ModuleList(blocks), decoder

    def forward(self, maps: Tensor) -> Tensor:
        encoded = []
        for block in self.blocks:
            maps = block(maps)
            encoded.append(maps)
        logits: Tensor = self.decoder(encoded)
        return logits


@families.register(
    "sphere-cnn",
    options=SphereCnnOptions,
    version=1,
    domains={"sphere"},
    tasks={"classification", "segmentation"},
    kinds=({}, {"periodic": False}),
)
def build(options: SphereCnnOptions, shape: Shape, width: float) -> Network:
    """Plain CNN on the grid of latitudes and longitudes: the control, which knows of no rotation.

    Masks come from mirrored transposed convolutions, which read their mirror images too; classes from the mean
    over the grid. The CNNs of Gerken et al. 2022 for masks are `sphere-cnn-released`.
    """
    sizes, strides, widths = options.each(options.kernel_sizes), options.each(options.strides), options.counts(width)
    side, whole = shape.size, 1
    for stride in strides:
        whole *= stride
    if side % whole or side // whole < 2:
        raise Impossible(f"strides of {whole} together do not divide the {side} longitudes of the grid into 2 or more")
    before = [shape.channels, *widths[:-1]]
    blocks = [_Block(*each, options.periodic) for each in zip(before, widths, sizes, strides, strict=True)]
    stages: dict[str, tuple[nn.Module, Law]] = {}
    if shape.task == "segmentation":
        stages["output"] = (_Masks(blocks, _Decoder(options, widths, shape.outputs)), Signals())
    else:
        stages |= {f"block{i}": (block, UNKNOWN) for i, block in enumerate(blocks, start=1)}
        stages["output"] = (MeanHead(widths[-1], shape.outputs), INVARIANT)
    return Network(Trivial(), stages, Signals())
