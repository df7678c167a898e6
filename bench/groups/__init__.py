"""The planar groups C_N, D_N, SO(2), O(2): elements, representations, fields, and their action on images.

Conventions, fixed here and imported by everything else: ``x`` points right and ``y`` up, so that a positive angle turns
an image counterclockwise as seen; an image is (..., H, W) with row 0 at the top; its centre is the centre of the pixel
grid, ((H - 1) / 2, (W - 1) / 2); the mirror flips left and right, ``(x, y) -> (-x, y)``; an element mirrors first and
rotates then, ``g = R(angle) M^mirror``. Images can also be moved by homographies.
"""

from bench.groups.action import act, shifted, transform, transform_prefiltered
from bench.groups.fields import FieldType
from bench.groups.group import Element, Group
from bench.groups.homography import Homographies
from bench.groups.moves import MovingGroup, move, parse
from bench.groups.protocol import Draws
from bench.groups.representation import (
    Representation,
    direct_sum,
    induced,
    irrep,
    irreps,
    quotient,
    regular,
    trivial,
)
from bench.groups.resampling import Resampling, centred_disc, prefiltered, read

__all__ = [
    "Draws",
    "Element",
    "FieldType",
    "Group",
    "Homographies",
    "MovingGroup",
    "Representation",
    "Resampling",
    "act",
    "centred_disc",
    "direct_sum",
    "induced",
    "irrep",
    "irreps",
    "move",
    "parse",
    "prefiltered",
    "quotient",
    "read",
    "regular",
    "shifted",
    "transform",
    "transform_prefiltered",
    "trivial",
]
