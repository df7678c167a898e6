"""What a network for images is built for."""

from __future__ import annotations

from bench.geometry import Shape


def image_shape(channels: int, size: int, classes: int) -> Shape:
    """Return the shape of square images (channels, size, size) in ``classes`` classes."""
    return Shape("plane", channels, (size, size), classes)
