"""Functions on the sphere, rotated by SO(3) (Cohen et al. 2018, Gerken et al. 2022)."""

from bench.domains.sphere.law import RotationSpectra, Signals, areas
from bench.domains.sphere.motion import MaskMotion, PictureMasks, PictureMotion, SignalMotion
from bench.domains.sphere.rotations import Rotation, RotationGroup, parse
from bench.domains.sphere.shape import bandwidth_of, inputs_of, sphere_shape, targets_of
from bench.geometry import Domain

DOMAIN = Domain(
    name="sphere",
    default_group="SO(3)",
    groups={
        "SO(3)": "every rotation; of a strength below 1 those up to a part of 180 degrees",
        "SO(2)": "turns about the poles",
        "C1, C2, C4": "turns about the poles by multiples of 180 or 90 degrees",
        "D2, D4": "the same, and half turns that exchange the poles",
        "SO(3) by 500": "one random rotation for 500 examples in a row, as the data of Gerken et al. 2022",
    },
    group=parse,
    law=lambda shape, resampling: Signals(resampling),
    motion=lambda shape, group, resampling, crop: inputs_of(shape, resampling),
    target=lambda shape: targets_of(shape),
    resamplings=("spline", "bilinear", "harmonic"),
    crops=("none",),
    crop=lambda group: "none",
    weights=lambda shape: areas(bandwidth_of(shape)),
)

__all__ = [
    "DOMAIN",
    "MaskMotion",
    "PictureMasks",
    "PictureMotion",
    "Rotation",
    "RotationGroup",
    "RotationSpectra",
    "SignalMotion",
    "Signals",
    "bandwidth_of",
    "sphere_shape",
]
