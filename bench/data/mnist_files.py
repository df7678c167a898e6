"""MNIST (LeCun, Cortes and Burges) and Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): where their files are."""

from __future__ import annotations

from bench.data import idx
from bench.data.cache import File

MNIST_CLASSES = tuple("0123456789")

_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)

MNIST_FILES = (
    File(
        "mnist",
        "train-images-idx3-ubyte.gz",
        _MNIST_MIRRORS,
        "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        idx.IMAGES_HEADER + idx.POOL * idx.SIDE**2,
    ),
    File(
        "mnist",
        "train-labels-idx1-ubyte.gz",
        _MNIST_MIRRORS,
        "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        idx.LABELS_HEADER + idx.POOL,
    ),
    File(
        "mnist",
        "t10k-images-idx3-ubyte.gz",
        _MNIST_MIRRORS,
        "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        idx.IMAGES_HEADER + idx.TEST * idx.SIDE**2,
    ),
    File(
        "mnist",
        "t10k-labels-idx1-ubyte.gz",
        _MNIST_MIRRORS,
        "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        idx.LABELS_HEADER + idx.TEST,
    ),
)

FASHION_CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

_FASHION_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)

FASHION_FILES = (
    File(
        "fashion-mnist",
        "train-images-idx3-ubyte.gz",
        _FASHION_MIRRORS,
        "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        idx.IMAGES_HEADER + idx.POOL * idx.SIDE**2,
    ),
    File(
        "fashion-mnist",
        "train-labels-idx1-ubyte.gz",
        _FASHION_MIRRORS,
        "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        idx.LABELS_HEADER + idx.POOL,
    ),
    File(
        "fashion-mnist",
        "t10k-images-idx3-ubyte.gz",
        _FASHION_MIRRORS,
        "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        idx.IMAGES_HEADER + idx.TEST * idx.SIDE**2,
    ),
    File(
        "fashion-mnist",
        "t10k-labels-idx1-ubyte.gz",
        _FASHION_MIRRORS,
        "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        idx.LABELS_HEADER + idx.TEST,
    ),
)
