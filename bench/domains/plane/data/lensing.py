"""Simulated strong lenses with and without dark substructure (Cheeramvelil et al. 2023; DeepLense).

A galaxy at redshift 0.5, a singular isothermal ellipse of 1e12 suns (an Einstein radius of 1.66 arcsec), and an
external shear of 0.05 bend the light of a Sersic source of index 1 at redshift 1. Three classes, by what else is there:

- ``none``: nothing;
- ``cdm``: subhalos of cold dark matter, point masses of 1e6 to 1e10 suns with dN / dM ~ M^-1.9, a Poisson number of
  mean 25, at a radius uniform in 0.25 to 2 arcsec: in one lens of three the heaviest has more than 1e8 suns, an
  Einstein radius of 0.017 arcsec;
- ``vortex``: one of an axion condensate, 3e10 suns spread over a centred segment of half length 0.03 arcsec times
  1e-22 eV / m, for an axion of mass m = 10^U(-24, -23) eV.

The parameters are those of DeepLenseSim, without its slips, each of which is an option: lens, shear and source never
turn (``orientation: fixed``), so that classes do not change as an image turns but the distribution does; the number of
subhalos is always 25 (``subhalos: fixed``) and their masses are drawn with dN / dM ~ M^-0.9 (``masses: shallow``: its
text says -1.9, which its code takes for the slope of the number above a mass), by which a lens has three of more than
5e9 suns; Einstein radii are of luminosity distances (``distances: luminosity``: 1.28 arcsec); axions go up to 1e-22 eV,
whose vortices of 0.03 arcsec lie within a pixel (``vortices: short``); two of its three models have no noise of
exposure (``noise: none``). A telescope of Gaussian blur counts photons of source and sky for 10^U(3, 3.5) seconds;
images have 8 bits, from their darkest to their brightest pixel.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.data.dataset import SPLIT_SEED, Dataset, Split
from bench.domains.plane.data import lenses
from bench.domains.plane.data.resize import SMALLEST
from bench.domains.plane.dataset import of_images
from bench.registry import Options, datasets
from bench.seeds import generator

CLASSES = ("none", "cdm", "vortex")

LENS_MASS, VORTEX_MASS = 1e12, 3e10
SUBHALOS, LIGHTEST, HEAVIEST = 25, 1e6, 1e10
SLOPES = {"steep": -1.9, "shallow": -0.9}
#: Ellipticities (1 - q) / (1 + q) of lens and source, and their directions where nothing turns, in radians.
LENS_ELLIPTICITY, SOURCE_ELLIPTICITY = 0.1, math.hypot(0.1, 0.1)
SOURCE_ANGLE = math.atan2(0.1, -0.1) / 2
SHEAR, SOURCE_RADIUS, SOURCE_INDEX, SOURCE_REACH = 0.05, 0.25, 1.0, 0.35
#: Rays to a side of a pixel, images at a time.
FINER, BATCH = 2, 100


class LensingOptions(Options):
    """The telescope, the size of the three splits, and which slips of the published generator to make."""

    size: int = Field(64, ge=SMALLEST, le=256, description="pixels on a side; 150 in the published model I")
    pixel: float = Field(0.1, gt=0, le=1, description="side of a pixel in arcsec; 0.05 in model I")
    psf: float = Field(0.16, gt=0, le=2, description="full width at half maximum of the blur, arcsec; 0.087 in model I")
    background: float = Field(0.01, ge=0, le=10, description="brightness of the sky, of the source's at its half-light")
    orientation: Literal["uniform", "fixed"] = Field(
        "uniform", description="whether lens, shear and source are turned at random, or never, as published"
    )
    subhalos: Literal["poisson", "fixed"] = Field("poisson", description="their number; fixed as published")
    masses: Literal["steep", "shallow"] = Field(
        "steep", description="of subhalos: dN / dM ~ M^-1.9, or M^-0.9 as in the published code"
    )
    distances: lenses.Distances = Field(
        "angular", description="of which Einstein radii are made; luminosity in the published code"
    )
    vortices: Literal["long", "short"] = Field("long", description="axions to 1e-23 eV, or to 1e-22 as published")
    noise: Literal["counts", "none"] = Field("counts", description="of the exposure; none as in models II and III")
    train: int = Field(1200, ge=30, le=1_000_000, description="training images, a third of each class")
    test: int = Field(600, ge=30, le=1_000_000, description="test images; half as many validate")


@datasets.register("lensing", options=LensingOptions, version=1)
def load(options: LensingOptions) -> Dataset:
    """Simulated gravitational lenses, 64x64 grey: no substructure, dark subhalos, a vortex; made here, no download."""
    splits = {"train": options.train, "validation": options.test // 2, "test": options.test}
    train, validation, test = (simulated(count, options, name) for name, count in splits.items())
    return of_images("lensing", CLASSES, train, validation, test)


def simulated(count: int, options: LensingOptions, name: str) -> Split:
    """Return so many images (N, 1, S, S), their classes in turn: a function of the options and of the split's name."""
    images = torch.empty(count, 1, options.size, options.size, dtype=torch.uint8)
    labels = torch.arange(count) % len(CLASSES)
    for start in range(0, count, BATCH):
        part = slice(start, start + BATCH)
        draws = generator(SPLIT_SEED, f"lensing {name} {start}")
        images[part, 0] = in_8_bits(seen(brightness(labels[part], options, draws), options, draws))
    return Split(images, labels)


def brightness(labels: Tensor, options: LensingOptions, draws: torch.Generator) -> Tensor:
    """Return what lenses of classes (N,) show at every ray, (N, finer S, finer S), brightest at about 5."""
    count = len(labels)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=draws, dtype=torch.float64)

    def angle(published: float) -> Tensor:
        # drawn in either case, so that everything else of an image is the same
        drawn = uniform(0, math.pi)
        return drawn if options.orientation == "uniform" else torch.full_like(drawn, published)

    def constant(value: float) -> Tensor:
        return torch.full((count,), value, dtype=torch.float64)

    rays = lenses.grid(options.size, options.pixel, FINER)[None].expand(count, -1, -1, -1)
    radius = lenses.einstein_radius(LENS_MASS, distances=options.distances).expand(count)
    deflection = lenses.ellipse(rays, radius, constant(_ratio(LENS_ELLIPTICITY)), angle(0.0))
    deflection += lenses.shear(rays, constant(SHEAR), angle(0.0))
    for label, substructure in ((1, _subhalos), (2, _vortex)):
        mine = labels == label
        if mine.any():
            deflection[mine] += substructure(rays[mine], options, draws)
    away = SOURCE_REACH * torch.sqrt(uniform(0, 1))
    where = uniform(0, 2 * math.pi)
    centre = torch.stack([away * where.cos(), away * where.sin()], -1)
    source = (constant(SOURCE_RADIUS), constant(_ratio(SOURCE_ELLIPTICITY)), angle(SOURCE_ANGLE), SOURCE_INDEX)
    return lenses.sersic(rays - deflection, centre, *source)


def seen(rays: Tensor, options: LensingOptions, draws: torch.Generator) -> Tensor:
    """Return images (N, S, S) of rays (N, finer S, finer S) as a telescope has them: blurred, in pixels, counted."""
    deviation = options.psf / (2 * math.sqrt(2 * math.log(2))) / options.pixel
    blurred = lenses.blurred(rays, FINER * deviation)
    images = torch.nn.functional.avg_pool2d(blurred[:, None], FINER)[:, 0]
    exposure = 10 ** (3 + 0.5 * torch.rand(len(images), generator=draws, dtype=torch.float64))
    if options.noise == "none":
        return images
    return lenses.exposed(images, exposure, options.background, draws)


def in_8_bits(images: Tensor) -> Tensor:
    """Return images (N, S, S) as uint8, each from its darkest pixel, 0, to its brightest, 255."""
    darkest, brightest = images.amin((1, 2), keepdim=True), images.amax((1, 2), keepdim=True)
    return ((images - darkest) * (255 / (brightest - darkest))).round().to(torch.uint8)


def _ratio(ellipticity: float) -> float:
    return (1 - ellipticity) / (1 + ellipticity)


def _subhalos(rays: Tensor, options: LensingOptions, draws: torch.Generator) -> Tensor:
    count = len(rays)
    numbers = torch.full((count,), float(SUBHALOS), dtype=torch.float64)
    if options.subhalos == "poisson":
        numbers = torch.poisson(numbers, generator=draws)
    most = max(1, int(numbers.max()))
    share, away, where = torch.rand(3, count, most, generator=draws, dtype=torch.float64)
    # the inverse of the distribution of a power law between two masses
    power = SLOPES[options.masses] + 1
    masses = (LIGHTEST**power + share * (HEAVIEST**power - LIGHTEST**power)) ** (1 / power)
    masses = torch.where(torch.arange(most) < numbers[:, None], masses, 0.0)
    distance, direction = 0.25 + 1.75 * away, 2 * math.pi * where
    places = distance[..., None] * torch.stack([direction.cos(), direction.sin()], -1)
    return lenses.points(rays, places, lenses.einstein_radius(masses, distances=options.distances))


def _vortex(rays: Tensor, options: LensingOptions, draws: torch.Generator) -> Tensor:
    lightness, turn = torch.rand(2, len(rays), generator=draws, dtype=torch.float64)
    # log10 of 1e-22 eV over the axion's mass: 2 for 1e-24, down to 1 or, as published, 0
    least = 1.0 if options.vortices == "long" else 0.0
    half = 0.03 * 10 ** (least + (2 - least) * lightness)
    radius = lenses.einstein_radius(VORTEX_MASS, distances=options.distances).expand(len(rays))
    return lenses.line(rays, radius, half, math.pi * turn)
