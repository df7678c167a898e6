"""MNIST (LeCun, Cortes and Burges): handwritten digits."""

from __future__ import annotations

from bench.data.cache import File
from bench.data.dataset import Dataset
from bench.domains.plane.data import idx
from bench.domains.plane.data.resize import SizeOptions
from bench.registry import datasets

CLASSES = tuple("0123456789")

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)

FILES = (
    File(
        "mnist",
        "train-images-idx3-ubyte.gz",
        _MIRRORS,
        "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        idx.IMAGES_HEADER + idx.POOL * idx.SIDE**2,
    ),
    File(
        "mnist",
        "train-labels-idx1-ubyte.gz",
        _MIRRORS,
        "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        idx.LABELS_HEADER + idx.POOL,
    ),
    File(
        "mnist",
        "t10k-images-idx3-ubyte.gz",
        _MIRRORS,
        "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        idx.IMAGES_HEADER + idx.TEST * idx.SIDE**2,
    ),
    File(
        "mnist",
        "t10k-labels-idx1-ubyte.gz",
        _MIRRORS,
        "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        idx.LABELS_HEADER + idx.TEST,
    ),
)


@datasets.register("mnist", options=SizeOptions, version=1)
def load(options: SizeOptions) -> Dataset:
    """MNIST: upright handwritten digits, 28x28 grey; 50,000 train, 10,000 validation, 10,000 test."""
    return idx.load("mnist", CLASSES, FILES, options.size)
