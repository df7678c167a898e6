"""The plain CNNs for masks that Gerken et al. 2022 published, layer by layer (their code's `ConvNet_sem_seg`).

By default the one of 218k parameters; those of 1M and of 5.5M are in ``suites/gerken-segmentation.yaml``. What differs
from `sphere-cnn`: convolutions without padding, so that maps shrink and their mirror images grow again; no batch
normalisation; and a shortcut beside every hidden layer, a 1 x 1 convolution of what a maximum over the layer's window
leaves on the way down, and, on the way up, of what it is given, read at the nearest point.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from bench.domains.sphere.law import Signals
from bench.domains.sphere.models.sphere_cnn import SphereCnnOptions
from bench.errors import Impossible
from bench.geometry import Shape
from bench.groups.plain import Trivial
from bench.networks.network import Network
from bench.registry import families

SMALL = {"channels": (2, 3, 4), "kernel_sizes": (3, 5, 3), "strides": (1, 1, 2)}


class SphereCnnReleasedOptions(SphereCnnOptions):
    """The layers of the way down, which those of the way up mirror."""

    channels: tuple[float, ...] = Field(
        (13, 15, 22, 31, 141), min_length=1, description="channels per layer, in units of the width"
    )
    kernel_sizes: tuple[int, ...] = Field((5, 3, 9, 7, 3), description="odd; one per layer, or one for all")
    strides: tuple[int, ...] = Field((1, 1, 1, 1, 2), description="1 or 2; one per layer, or one for all")


class _Down(nn.Module):
    """A convolution without padding, beside a 1 x 1 convolution of the maxima over its window."""

    def __init__(self, before: int, after: int, size: int, stride: int) -> None:
        super().__init__()
        self.layer, self.pool = nn.Conv2d(before, after, size, stride), nn.MaxPool2d(size, stride)
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.layer(maps) + self.shortcut(self.pool(maps)))


class _Up(nn.Module):
    """The transposed convolution that mirrors a layer's, between maps of given sides, beside a 1 x 1 convolution."""

    def __init__(self, before: int, after: int, size: int, stride: int, sides: tuple[int, int]) -> None:
        super().__init__()
        self.side = sides[1]
        self.layer = nn.ConvTranspose2d(before, after, size, stride, output_padding=_left(sides, size, stride))
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.layer(maps) + F.interpolate(self.shortcut(maps), size=self.side, mode="nearest"))


def _left(sides: tuple[int, int], size: int, stride: int) -> int:
    """Return by how many points a transposed convolution from the first side falls short of the second."""
    small, large = sides
    return large - size - (small - 1) * stride


@families.register(
    "sphere-cnn-released",
    options=SphereCnnReleasedOptions,
    version=1,
    domains={"sphere"},
    tasks={"segmentation"},
    kinds=(SMALL,),
)
def build(options: SphereCnnReleasedOptions, shape: Shape, width: float) -> Network:
    """Plain CNN for masks as Gerken et al. 2022 published it: no padding, no normalisation, shortcuts by maxima."""
    sizes, strides, widths = options.each(options.kernel_sizes), options.each(options.strides), options.counts(width)
    sides = [shape.size]
    for size, stride in zip(sizes, strides, strict=True):
        sides.append((sides[-1] - size) // stride + 1)
    if min(sides) < 1:
        raise Impossible(f"nothing is left of {shape.size} points on a side after windows of {_listed(sizes)}")
    layers: list[nn.Module] = [nn.Conv2d(shape.channels, widths[0], sizes[0], strides[0]), nn.ReLU()]
    hidden = range(1, len(widths))
    layers += [_Down(widths[i - 1], widths[i], sizes[i], strides[i]) for i in hidden]
    layers += [_Up(widths[i], widths[i - 1], sizes[i], strides[i], (sides[i + 1], sides[i])) for i in reversed(hidden)]
    short = _left((sides[1], sides[0]), sizes[0], strides[0])
    layers.append(nn.ConvTranspose2d(widths[0], shape.outputs, sizes[0], strides[0], output_padding=short))
    return Network(Trivial(), {"output": (nn.Sequential(*layers), Signals())}, Signals())


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))
