"""Images: functions on a square grid of pixels, moved by the groups of the plane."""

from bench.domains.plane.crop_flip import CropFlip
from bench.domains.plane.dataset import of_images
from bench.domains.plane.law import FLOWS, Maps, Pixels
from bench.domains.plane.motion import ImageMotion, augmentation, cropped, default_crop
from bench.domains.plane.network import image_network
from bench.domains.plane.shape import image_shape
from bench.geometry import INVARIANT, Domain
from bench.groups import parse

DOMAIN = Domain(
    name="plane",
    default_group="SO(2)",
    groups={
        "C1, C2, C3, ...": "rotations by the multiples of 360/N degrees",
        "D1, D2, D3, ...": "the same rotations, and reflections",
        "SO(2)": "every rotation",
        "O(2)": "every rotation, and reflections",
        "PGL(3)": "homographies as of Projective MNIST: rotation, scale, aspect, shear and perspective",
    },
    group=parse,
    law=lambda shape, resampling: Pixels(resampling),
    motion=lambda shape, group, resampling, crop: ImageMotion(group, resampling, crop),
    target=lambda shape: INVARIANT,
    resamplings=("spline", "bilinear"),
    crops=("disc", "none"),
    crop=default_crop,
    bases={"crop-flip": CropFlip()},
)

__all__ = [
    "DOMAIN",
    "FLOWS",
    "ImageMotion",
    "Maps",
    "Pixels",
    "augmentation",
    "cropped",
    "default_crop",
    "image_network",
    "image_shape",
    "of_images",
]
