"""The groups that images are moved by: the closed subgroups of O(2), and the homographies."""

from __future__ import annotations

from torch import Tensor

from bench.errors import UserError
from bench.groups.action import transform_prefiltered
from bench.groups.group import Group
from bench.groups.homography import Homographies, inverse_up_to_scale
from bench.groups.protocol import Draws
from bench.groups.resampling import Resampling, projected

MovingGroup = Group | Homographies


def parse(text: str) -> MovingGroup:
    """Return the group of a name that images can be moved by; raise UserError for another text."""
    if text == str(Homographies()):
        return Homographies()
    try:
        return Group.parse(text)
    except UserError as error:
        raise UserError(f"{error}, {Homographies()}") from error


def move(group: MovingGroup, values: Tensor, draws: Draws, resampling: Resampling | None, on_disc: bool) -> Tensor:
    """Return the images of ``values`` (B, C, S, S), which `prefiltered` gave, each moved by its own drawn element.

    ``resampling`` None promises that every element permutes pixels. ``on_disc`` leaves the pixels off the centred disc
    zero.
    """
    if isinstance(group, Homographies):
        assert resampling is not None, "a homography is not on the grid"
        return projected(values, inverse_up_to_scale(draws[0].to(values.dtype)), resampling, on_disc)
    return transform_prefiltered(values, draws[0], draws[1], resampling, on_disc)
