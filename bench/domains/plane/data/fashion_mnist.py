"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747): pictures of clothing in MNIST's format."""

from __future__ import annotations

from bench.data.cache import File
from bench.data.dataset import Dataset
from bench.domains.plane.data import idx
from bench.domains.plane.data.resize import SizeOptions
from bench.registry import datasets

CLASSES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)

FILES = (
    File(
        "fashion-mnist",
        "train-images-idx3-ubyte.gz",
        _MIRRORS,
        "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        idx.IMAGES_HEADER + idx.POOL * idx.SIDE**2,
    ),
    File(
        "fashion-mnist",
        "train-labels-idx1-ubyte.gz",
        _MIRRORS,
        "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        idx.LABELS_HEADER + idx.POOL,
    ),
    File(
        "fashion-mnist",
        "t10k-images-idx3-ubyte.gz",
        _MIRRORS,
        "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        idx.IMAGES_HEADER + idx.TEST * idx.SIDE**2,
    ),
    File(
        "fashion-mnist",
        "t10k-labels-idx1-ubyte.gz",
        _MIRRORS,
        "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        idx.LABELS_HEADER + idx.TEST,
    ),
)


@datasets.register("fashion-mnist", options=SizeOptions, version=1)
def load(options: SizeOptions) -> Dataset:
    """Fashion-MNIST: upright clothing, 28x28 grey; 50,000 train, 10,000 validation, 10,000 test."""
    return idx.load("fashion-mnist", CLASSES, FILES, options.size)
