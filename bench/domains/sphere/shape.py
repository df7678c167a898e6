"""The shape of functions on the sphere, and how what has it is moved."""

from __future__ import annotations

from bench.domains.sphere.law import Resampling
from bench.domains.sphere.motion import MaskMotion, PictureMasks, PictureMotion, SignalMotion
from bench.geometry import INVARIANT, Motion, Shape


def sphere_shape(
    bandwidth: int, outputs: int, task: str, channels: int = 1, picture: int = 0, filtered: bool = True
) -> Shape:
    """Return the shape of functions (channels, 2b, 2b); of pictures of so many pixels that are projected, if any.

    ``filtered`` says whether pictures are band-limited, or read point by point (`bench.domains.sphere.motion`).

    ValueError for an odd bandwidth: no quarter turn about the poles keeps the points of its grid.
    """
    if bandwidth % 2:
        raise ValueError(f"the bandwidth must be even, not {bandwidth}")
    source = (picture, picture) if picture else ()
    fields = "band-limited scalars" if picture and filtered else "scalars"
    return Shape("sphere", channels, (2 * bandwidth, 2 * bandwidth), outputs, task, fields, source=source)


def bandwidth_of(shape: Shape) -> int:
    """Return b of a grid of 2b x 2b points."""
    return shape.points[0] // 2


def inputs_of(shape: Shape, resampling: Resampling) -> Motion:
    """Return how inputs are moved."""
    if not shape.source:
        return SignalMotion(resampling)
    return PictureMotion(bandwidth_of(shape), resampling, shape.fields.startswith("band-limited"))


def targets_of(shape: Shape) -> Motion:
    """Return how targets are: classes not at all."""
    if shape.task != "segmentation":
        return INVARIANT
    return PictureMasks(bandwidth_of(shape)) if shape.source else MaskMotion()
