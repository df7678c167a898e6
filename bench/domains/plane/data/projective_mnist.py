"""Projective MNIST (Tai et al. 2019): digits on a larger canvas, each moved by random homographies.

10,000 digits of the training set train, 5,000 others validate, the 10,000 of the test set test, as in the released
code; which ones, and the homographies, are drawn here with other seeds. The digits lie in the middle of 64 x 64 pixels.
Two differences: the cubic B-spline interpolates, where the code has the bicubic kernel of Pillow, and every test digit
is moved once, where the code has it eight times. Homographies are those of the group PGL(3) at strength 1
(`bench.groups.homography`), so that ``copies: 0`` with ``augmentation: {group: PGL(3)}`` moves upright digits alike.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from bench.data import idx
from bench.data.dataset import SPLIT_SEED, Dataset, Split, partition
from bench.domains.plane.data import mnist
from bench.domains.plane.dataset import of_images
from bench.groups import Homographies, move, prefiltered
from bench.registry import Options, datasets
from bench.seeds import generator

FILES = mnist.FILES

TRAIN, VALIDATION = 10_000, 5_000
SIDE = 64
BATCH = 500


class ProjectiveOptions(Options):
    """How the digits are moved."""

    copies: int = Field(1, ge=0, le=8, description="moved copies of each training digit; 0 leaves all digits upright")


def on_canvas(images: Tensor) -> Tensor:
    """Return images (N, 1, 28, 28) in the middle of black ones (N, 1, 64, 64)."""
    border = (SIDE - images.shape[-1]) // 2
    return F.pad(images, (border,) * 4)


def distorted(images: Tensor, stream: str) -> Tensor:
    """Return uint8 images (N, 1, S, S), each moved by its own homography, a function of the stream's name."""
    (matrices,) = Homographies().sample(1.0, len(images), generator(SPLIT_SEED, stream))
    moved = torch.empty_like(images)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        # float64: a rounding error of float32 tips pixels over to the next grey value, differently on each machine
        values = prefiltered(images[part].double(), "spline")
        turned = move(Homographies(), values, (matrices[part],), "spline", on_disc=False)
        moved[part] = turned.round().clamp(0, 255).to(torch.uint8)
    return moved


@datasets.register("projective-mnist", options=ProjectiveOptions, version=1)
def load(options: ProjectiveOptions) -> Dataset:
    """MNIST digits moved by random homographies, 64x64 grey; 10,000 to 80,000 train, 5,000 validation, 10,000 test."""
    pool = idx.read(FILES[0], FILES[1], idx.POOL, len(mnist.CLASSES))
    test = idx.read(FILES[2], FILES[3], idx.TEST, len(mnist.CLASSES))
    train, validation = partition(pool.inputs, pool.targets, (TRAIN, VALIDATION), SPLIT_SEED)
    train, validation, test = (Split(on_canvas(each.inputs), each.targets) for each in (train, validation, test))
    if options.copies:
        copies = [distorted(train.inputs, f"training copy {copy}") for copy in range(options.copies)]
        train = Split(torch.cat(copies), train.targets.repeat(options.copies))
        validation = Split(distorted(validation.inputs, "validation"), validation.targets)
        test = Split(distorted(test.inputs, "test"), test.targets)
    return of_images("projective-mnist", mnist.CLASSES, train, validation, test)
