"""The data sets: their contract, their formats, and what they say about files that are not what they should be."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import hashlib
import http.server
import io
import os
import re
import struct
import sys
import tarfile
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from bench.axes import check
from bench.data import cache, idx
from bench.data.cache import FetchError, File
from bench.data.dataset import Dataset, Split, check_content, partition, stratified_order, training_set
from bench.data.shares import cut
from bench.domains.plane import of_images
from bench.domains.plane.data import (
    cifar10,
    digits,
    fashion_mnist,
    image_folder,
    mnist,
    mnist_rot_12k,
    npz,
    pictures,
)
from bench.domains.plane.data import rotated_mnist as rotated
from bench.domains.plane.data.resize import SizeOptions, resize
from bench.errors import UserError
from bench.groups import Element, act
from bench.registry import Entry, datasets
from tests.tolerances import (
    BICUBIC_ON_A_SMOOTH_IMAGE,
    MEAN_OF_TURNED_DIGITS,
    ROUNDED_TO_GREY_VALUES,
)

torch.set_num_threads(1)

FOLDER = os.environ.get("EQUIVAUG_DATA")
needs_mnist = pytest.mark.skipif(
    not (FOLDER and (Path(FOLDER) / "mnist").is_dir()),
    reason="EQUIVAUG_DATA names no folder with the MNIST files in mnist/",
)

# ------------------------------------------------------------------------------------------------- splits

counts = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def shuffled_labels(counts: list[int], seed: int = 0) -> Tensor:
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]


@given(counts, st.integers(0, 1000))
def test_every_prefix_of_the_order_is_stratified_within_one(counts: list[int], seed: int) -> None:
    labels = shuffled_labels(counts)
    order = stratified_order(labels, seed)
    assert sorted(order.tolist()) == list(range(len(labels)))
    so_far = torch.nn.functional.one_hot(labels[order], len(counts)).cumsum(0).double()
    sizes = torch.arange(1, len(labels) + 1).double()
    proportional = sizes[:, None] * torch.tensor(counts).double() / len(labels)
    assert ((so_far - proportional).abs() < 1).all()


@given(counts, st.integers(0, 1000))
def test_the_order_depends_on_labels_and_seed_alone(counts: list[int], seed: int) -> None:
    labels = shuffled_labels(counts)
    torch.manual_seed(seed + 1)
    assert torch.equal(stratified_order(labels, seed), stratified_order(labels, seed))


def test_seeds_give_other_orders_and_every_image_can_come_first() -> None:
    labels = shuffled_labels([3, 3])
    assert {int(stratified_order(labels, seed)[0]) for seed in range(60)} == set(range(6))


def numbered(labels: Tensor) -> Tensor:
    """Images whose first two pixels tell their position."""
    images = torch.zeros(len(labels), 1, 2, 2, dtype=torch.uint8)
    position = torch.arange(len(labels))
    images[:, 0, 0, 0], images[:, 0, 0, 1] = position // 256, position % 256
    return images


def positions(split: Split) -> list[int]:
    first = split.inputs[:, 0, 0].long()
    return (first[:, 0] * 256 + first[:, 1]).tolist()


@given(counts, st.data())
def test_partition_is_disjoint_and_keeps_labels_with_images(counts: list[int], data: st.DataObject) -> None:
    labels = shuffled_labels(counts)
    cuts = data.draw(st.lists(st.integers(0, len(labels)), min_size=1, max_size=3).map(sorted))
    sizes = tuple(np.diff([0, *cuts]).tolist())
    splits = partition(numbered(labels), labels, sizes, seed=0)
    assert tuple(len(split) for split in splits) == sizes
    found = [place for split in splits for place in positions(split)]
    assert len(set(found)) == len(found) == sum(sizes)
    assert all(torch.equal(split.targets, labels[positions(split)]) for split in splits)


def test_partition_refuses_more_than_there_is() -> None:
    labels = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="need 3 images; there are 2"):
        partition(numbered(labels), labels, (2, 1), seed=0)


def test_training_sets_of_one_seed_are_nested_and_no_larger_than_the_pool() -> None:
    labels = shuffled_labels([40, 10, 30])
    pool, other = Split(numbered(labels), labels), Split(numbered(labels) + 100, labels)
    dataset = of_images("toy", ("a", "b", "c"), pool, other, other)
    small, large = (positions(training_set(dataset, size, seed=3)) for size in (20, 60))
    assert large[:20] == small
    with pytest.raises(UserError, match="asks for 81 images; 'toy' has 80"):
        training_set(dataset, 81, seed=3)


def test_the_revision_tells_one_pixel_and_one_label() -> None:
    labels = shuffled_labels([4, 4])
    split = Split(numbered(labels), labels)
    same = of_images("toy", ("a", "b"), split, split, split)
    pixel, label = split.inputs.clone(), labels.clone()
    pixel[5, 0, 1, 1] = 1
    label[5] = 1 - label[5]
    other_pixel = dataclasses.replace(same, validation=Split(pixel, labels))
    other_label = dataclasses.replace(same, test=Split(split.inputs, label))
    assert len({same.revision, other_pixel.revision, other_label.revision}) == 3


# ------------------------------------------------------------------------------------------------- contract


def files_of(entry: Entry) -> tuple[File, ...]:
    return tuple(getattr(sys.modules[entry.make.__module__], "FILES", ()))


def satisfies_contract(dataset: Dataset, size: int, channels: int) -> None:
    splits = (dataset.train, dataset.validation, dataset.test)
    for split in splits:
        assert split.inputs.shape == (len(split), channels, size, size)
        assert split.targets.unique().tolist() == list(range(len(dataset.names)))
        assert split.inputs.float().std() > 10
    assert len(training_set(dataset, 20, seed=0)) == 20


def copies_between(splits: tuple[Split, ...]) -> int:
    """How many images of a split are also in another."""
    seen = [{image.numpy().tobytes() for image in split.inputs} for split in splits]
    return sum(len(a & b) for i, a in enumerate(seen) for b in seen[:i])


@pytest.mark.parametrize("entry", list(datasets), ids=lambda entry: entry.name)
def test_every_data_set_says_what_it_is_and_where_its_files_come_from(entry: Entry) -> None:
    assert entry.summary.endswith(".")
    assert all(field.description for field in entry.options.model_fields.values())
    for file in files_of(entry):
        algorithm, digits_ = file.checksum.split(":")
        assert len(bytes.fromhex(digits_)) == hashlib.new(algorithm).digest_size
        assert all(re.fullmatch(r"https?://\S+/", mirror) for mirror in file.mirrors)
        assert len(file.mirrors) > 1


@pytest.mark.parametrize("entry", list(datasets), ids=lambda entry: entry.name)
def test_a_data_set_whose_files_are_here_keeps_the_contract(entry: Entry) -> None:
    if any(field.is_required() for field in entry.options.model_fields.values()):
        pytest.skip("it is made of a person's own files")
    if not all(file.path.exists() for file in files_of(entry)):
        pytest.skip("EQUIVAUG_DATA names no folder with its files")
    dataset = entry.make(entry.options())
    assert (dataset.shape.domain, dataset.shape.task) == (entry.domain, entry.task)
    assert torch.equal(dataset.train.inputs, entry.make(entry.options()).train.inputs)
    if entry.domain == "plane":
        satisfies_contract(dataset, dataset.shape.size, dataset.shape.channels)
    assert len(training_set(dataset, 20, seed=0)) == 20
    assert copies_between((dataset.train, dataset.validation)) == 0


@pytest.mark.parametrize("size", [16, 28, 29])
def test_digits(size: int) -> None:
    dataset = digits.load(digits.DigitsOptions(size=size))
    satisfies_contract(dataset, size, channels=1)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [1000, 297, 500]
    assert copies_between(splits) == 0
    # nothing is lost when an image turns: all ink lies inside the largest centred disc
    centre = (torch.arange(size) - (size - 1) / 2) ** 2
    outside = centre[:, None] + centre > (size / 2) ** 2
    assert dataset.train.inputs[..., outside].max() == 0


def test_the_revision_of_the_digits_is_stable() -> None:
    """Another value means other cells: raise the version of the data set together with it."""
    assert digits.load(digits.DigitsOptions()).revision == "46d1a4abf2e19f7f"


def test_digits_look_like_themselves() -> None:
    dataset = digits.load(digits.DigitsOptions())
    means = torch.stack([dataset.train.inputs[dataset.train.targets == k].double().mean(0) for k in range(10)]).flatten(
        1
    )
    distances = torch.cdist(dataset.test.inputs.double().flatten(1), means)
    assert (distances.argmin(1) == dataset.test.targets).double().mean() > 0.85


@needs_mnist
def test_mnist() -> None:
    dataset = mnist.load(SizeOptions())
    satisfies_contract(dataset, 28, channels=1)
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [50_000, 10_000, 10_000]
    assert copies_between((dataset.train, dataset.validation)) == 0
    # the first test images are 7, 2, 1, 0, 4
    assert dataset.test.targets[:5].tolist() == [7, 2, 1, 0, 4]


@needs_mnist
def test_rotated_mnist() -> None:
    dataset = rotated.load(SizeOptions())
    satisfies_contract(dataset, 28, channels=1)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [12_000, 2_000, 50_000]
    assert copies_between(splits) == 0
    # another value means other cells: raise the version of the data set together with it
    assert dataset.revision == "efdf9de078c11801"
    # a one is a line: upright in MNIST, at every angle here, so that the mean one is as wide as high
    ones = dataset.test.inputs[dataset.test.targets == 1].double().mean((0, 1))
    spread = (torch.arange(28) - 13.5) ** 2
    width, height = float((ones.sum(0) * spread).sum()), float((ones.sum(1) * spread).sum())
    assert width == pytest.approx(height, rel=MEAN_OF_TURNED_DIGITS)


def test_rotation_is_that_of_the_groups() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 1, 15, 15), dtype=torch.uint8, generator=generator)
    turns = torch.tensor([0, 0.25, 0.1, 0.7], dtype=torch.float64)
    turned = rotated.rotate(Split(images, torch.arange(4)), turns).inputs
    for image, turn, found in zip(images, turns.tolist(), turned, strict=True):
        expected = act(image[None].double(), Element.rotation(turn * 360), "bilinear")[0]
        assert (found.double() - expected).abs().max() <= ROUNDED_TO_GREY_VALUES


@pytest.mark.parametrize("size", [16, 40])
def test_resizing_keeps_what_is_smooth(size: int) -> None:
    def wave(points: int) -> Tensor:
        at = (torch.arange(points) + 0.5) / points
        return (127.5 + 100 * torch.sin(3 * at)[:, None] * torch.cos(2 * at)).round().to(torch.uint8)[None, None]

    found, expected = resize(wave(28), size).int(), wave(size).int()
    inside = slice(2, -2)
    assert (found - expected)[..., inside, inside].abs().max() <= BICUBIC_ON_A_SMOOTH_IMAGE


def test_resizing_to_the_same_size_changes_nothing() -> None:
    images = torch.randint(0, 256, (3, 2, 16, 16), dtype=torch.uint8)
    assert torch.equal(resize(images, 16), images)


# ------------------------------------------------------------------------------------------------- downloads


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("EQUIVAUG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str, bytes], str]]:
    """Serve content under a mirror's name on this machine; what is returned is the mirror's address."""
    root = tmp_path / "mirrors"

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.02), daemon=True)
    thread.start()

    def publish(path: str, content: bytes) -> str:
        mirror, name = path.split("/")
        (root / mirror).mkdir(parents=True, exist_ok=True)
        (root / mirror / name).write_bytes(content)
        return f"http://127.0.0.1:{server.server_port}/{mirror}/"

    yield publish
    server.shutdown()
    server.server_close()
    thread.join()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_of(content: bytes, *mirrors: str, name: str = "toy.bin") -> File:
    return File("toy", name, mirrors, f"sha256:{sha256(content)}")


def gzip_file_of(content: bytes, *mirrors: str, name: str = "toy.gz") -> File:
    """A file published in one wrapper, known by its content."""
    published = gzip.compress(content, 9, mtime=0)
    return File("toy", name, mirrors, f"sha256:{sha256(published)}", sha256(content), len(content))


def put(file: File, content: bytes) -> Path:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_bytes(content)
    return file.path


DEAD = "http://127.0.0.1:9/dead/"


def test_a_good_file_is_downloaded_once(folder: Path, serve: Callable[[str, bytes], str]) -> None:
    mirror = serve("good/toy.bin", b"content")
    file = file_of(b"content", mirror)
    assert cache.fetch(file) == folder / "toy" / "toy.bin"
    assert cache.fetch(dataclasses.replace(file, mirrors=(DEAD,))).read_bytes() == b"content"


def test_the_next_mirror_is_tried_after_a_dead_a_missing_and_a_wrong_one(
    folder: Path, serve: Callable[[str, bytes], str]
) -> None:
    wrong, good = serve("wrong/toy.bin", b"virus"), serve("good/toy.bin", b"content")
    missing = good.replace("good", "nowhere")
    path = cache.fetch(file_of(b"content", DEAD, missing, wrong, good))
    assert path.read_bytes() == b"content"
    assert list(folder.rglob("*.*")) == [path]


def test_when_no_mirror_has_it_one_sentence_says_what_to_put_where(
    folder: Path, serve: Callable[[str, bytes], str]
) -> None:
    file = file_of(b"content", DEAD, serve("wrong/toy.bin", b"virus"))
    with pytest.raises(FetchError) as caught:
        cache.fetch(file)
    message = str(caught.value)
    assert "127.0.0.1:9: ConnectionError" in message
    assert "wrong checksum" in message
    assert message.endswith(f"put the file with checksum {file.checksum} at {folder / 'toy' / 'toy.bin'}")
    assert "\n" not in message
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "toy").write_text("occupied")
    with pytest.raises(FetchError, match=r"toy.*cannot be written.*EQUIVAUG_DATA"):
        cache.fetch(file_of(b"content", DEAD))


@pytest.mark.parametrize("name", ["typo", "~nobody-of-this-name/data", "file"])
def test_a_slip_in_the_variable_makes_no_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EQUIVAUG_DATA", name)
    with pytest.raises(FetchError, match=f"EQUIVAUG_DATA names {name}, where there is no folder"):
        cache.fetch(file_of(b"content", DEAD))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("folder")
def test_a_local_file_with_other_content_is_refused_and_kept(serve: Callable[[str, bytes], str]) -> None:
    file = file_of(b"content", serve("good/toy.bin", b"content"))
    path = put(file, b"my own notes")
    with pytest.raises(
        FetchError, match=rf"{re.escape(str(path))} is not the published file: found sha256:.*, expected"
    ):
        cache.fetch(file)
    assert path.read_bytes() == b"my own notes"


@pytest.mark.usefixtures("folder")
def test_a_gzip_file_is_known_by_its_content_whatever_its_wrapper() -> None:
    file = gzip_file_of(b"content" * 100, DEAD)
    wrapped = gzip.compress(b"content" * 100, 1, mtime=1)
    assert sha256(wrapped) not in file.checksum
    put(file, wrapped)
    assert cache.unpack(file) == b"content" * 100
    assert cache.fetch(file) == file.path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(b"content" * 100)[:-20], "cannot be read"),
        (gzip.compress(b"content" * 100)[:-4] + b"\0\0\0\1", "cannot be read"),
        (b"plain text", "cannot be read"),
        (b"", "is not the published file"),
        (gzip.compress(b"contend" * 100), "is not the published file"),
        (gzip.compress(b"content" * 99), "is not the published file"),
        (gzip.compress(bytes(10_000_000)), "unpacks to more than the expected 700 bytes"),
    ],
    ids=["truncated", "bad length", "not gzip", "empty", "other", "short", "bomb"],
)
def test_a_broken_gzip_file_is_refused_in_one_sentence_and_kept(content: bytes, complaint: str) -> None:
    file = gzip_file_of(b"content" * 100, DEAD)
    path = put(file, content)
    for use in (cache.unpack, cache.fetch):
        with pytest.raises(FetchError, match=complaint) as caught:
            use(file)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.usefixtures("folder")
def test_a_gzip_bomb_is_not_unpacked() -> None:
    file = gzip_file_of(b"content", DEAD)
    put(file, gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    with pytest.raises(FetchError, match="unpacks to more than"):
        cache.unpack(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("make", [file_of, gzip_file_of])
def test_a_folder_in_a_files_place_is_refused(make: Callable[..., File]) -> None:
    file = make(b"content", DEAD)
    file.path.mkdir(parents=True)
    with pytest.raises(FetchError, match="cannot be read"):
        cache.fetch(file)


def test_fetching_by_name(folder: Path, serve: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.fetch_dataset("digits") == []
    monkeypatch.setattr(cifar10, "FILES", (file_of(b"content", serve("good/toy.bin", b"content")),))
    assert cache.fetch_dataset("cifar10") == [folder / "toy" / "toy.bin"]
    with pytest.raises(UserError, match="did you mean 'cifar10'"):
        cache.fetch_dataset("cifar1")


def test_without_the_variable_the_users_cache_is_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EQUIVAUG_DATA", raising=False)
    assert cache.data_folder().is_absolute()
    assert "equivaug" in cache.data_folder().parts


def test_files_of_mnists_format_are_known_by_what_they_unpack_to() -> None:
    for file in (*mnist.FILES, *fashion_mnist.FILES, *rotated.FILES):
        assert len(bytes.fromhex(file.unpacked or "")) == 32
        assert file.unpacked_size in {47_040_016, 7_840_016, 60_008, 10_008}


@needs_mnist
def test_mnist_is_verified_as_it_is_read() -> None:
    assert [path.name for path in cache.fetch_dataset("mnist")] == [file.name for file in mnist.FILES]


# ------------------------------------------------------------------------------------------------- formats


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def small_idx(name: str, array: np.ndarray) -> File:
    file = gzip_file_of(idx_bytes(array), DEAD, name=name)
    put(file, gzip.compress(idx_bytes(array)))
    return file


def some_images(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def test_idx_is_read_in_row_major_order() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    assert torch.equal(
        idx.parse(idx_bytes(array), (2, 3, 4), "here"), torch.arange(24, dtype=torch.uint8).view(2, 3, 4)
    )


good = idx_bytes(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not none"),
        (good[:7], "starts with the bytes"),
        (b"\0\0\x0d\x02" + good[4:], "not 00000d02"),
        (idx_bytes(np.zeros(6)), "not 00000801"),
        (idx_bytes(np.zeros((3, 2))), "starts with the bytes"),
        (good[:-1], "17 bytes; an array of shape (2, 3) has 18"),
        (good + b"\0", "19 bytes"),
    ],
    ids=["empty", "header", "floats", "dimensions", "shape", "short", "long"],
)
def test_a_broken_idx_file_is_named(content: bytes, complaint: str) -> None:
    with pytest.raises(UserError, match=f"here.idx: .*{re.escape(complaint)}"):
        idx.parse(content, (2, 3), "here.idx")


@pytest.mark.usefixtures("folder")
def test_fashion_mnist_from_small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, test = some_images(60, 28, 28), some_images(20, 28, 28, seed=1)
    files = (
        small_idx("train-images.gz", pool),
        small_idx("train-labels.gz", np.arange(60) % 10),
        small_idx("test-images.gz", test),
        small_idx("test-labels.gz", np.arange(20) % 10),
    )
    monkeypatch.setattr(fashion_mnist, "FILES", files)
    for name, value in {"TRAIN": 40, "VALIDATION": 20, "POOL": 60, "TEST": 20}.items():
        monkeypatch.setattr(idx, name, value)
    dataset = fashion_mnist.load(SizeOptions())
    satisfies_contract(dataset, 28, channels=1)
    assert torch.equal(dataset.test.inputs[:, 0], torch.from_numpy(test))
    assert len(dataset.train) == 40
    assert copies_between((dataset.train, dataset.validation, dataset.test)) == 0
    satisfies_contract(fashion_mnist.load(SizeOptions(size=17)), 17, channels=1)


@pytest.mark.usefixtures("folder")
def test_an_idx_label_out_of_range_is_named() -> None:
    images = small_idx("images.gz", some_images(3, 28, 28))
    with pytest.raises(UserError, match=r"labels\.gz: label 10; the labels are 0 to 9"):
        idx.read(images, small_idx("labels.gz", np.array([1, 10, 2])), 3, classes=10)


def amat(images: np.ndarray, labels: np.ndarray) -> str:
    rows = np.concatenate([images.reshape(len(images), -1) / 255, labels[:, None]], 1)
    text = io.StringIO()
    np.savetxt(text, rows, fmt="%.7g")
    return text.getvalue()


def rot_archive(train: str, test: str | None) -> File:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(mnist_rot_12k.TRAIN_MEMBER, train)
        if test is not None:
            archive.writestr(mnist_rot_12k.TEST_MEMBER, test)
    file = file_of(packed.getvalue(), DEAD, name="rot.zip")
    put(file, packed.getvalue())
    return file


@pytest.mark.usefixtures("folder")
def test_mnist_rot_from_a_small_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, test = some_images(1100, 28, 28), some_images(30, 28, 28, seed=1)
    labels = np.arange(1100) % 10
    file = rot_archive(amat(pool, labels), amat(test, labels[:30]))
    monkeypatch.setattr(mnist_rot_12k, "FILES", (file,))
    for name, value in {"TRAIN": 1020, "VALIDATION": 80, "TEST": 30}.items():
        monkeypatch.setattr(mnist_rot_12k, name, value)
    dataset = mnist_rot_12k.load(mnist_rot_12k.MnistRotOptions())
    satisfies_contract(dataset, 28, channels=1)
    # in the archive's order, row by row
    assert torch.equal(dataset.train.inputs[:, 0], torch.from_numpy(pool[:1020]))
    assert torch.equal(dataset.validation.inputs[:, 0], torch.from_numpy(pool[1020:]))
    assert torch.equal(dataset.test.inputs[:, 0], torch.from_numpy(test))
    assert torch.equal(dataset.train.targets, torch.from_numpy(labels[:1020]))
    monkeypatch.setattr(mnist_rot_12k, "VALIDATION", 8)
    monkeypatch.setattr(mnist_rot_12k, "TRAIN", 1092)
    all_train = mnist_rot_12k.load(mnist_rot_12k.MnistRotOptions(validation="test"))
    assert torch.equal(all_train.train.inputs[:, 0], torch.from_numpy(pool))
    assert torch.equal(all_train.validation.inputs[:, 0], torch.from_numpy(test[:8]))
    assert torch.equal(all_train.test.inputs[:, 0], torch.from_numpy(test[8:]))


LINE = " ".join(["0.5"] * 784 + ["3"]) + "\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LINE, "1 lines; expected 2"),
        (LINE * 3, "more than the expected 2 lines"),
        (LINE + LINE.replace("0.5 ", "x ", 1), "not a table of numbers"),
        (LINE + "0.5 3\n", "not a table of numbers"),
        ("0.5 3\n" * 2, "2 numbers in a line"),
        (LINE + LINE.replace("0.5", "1.5", 1), "outside [0, 1]"),
        (LINE + LINE.replace("0.5", "nan", 1), "outside [0, 1]"),
        (LINE + LINE.replace(" 3\n", " 10\n"), "a label after line 0"),
        (LINE + LINE.replace(" 3\n", " 2.5\n"), "a label after line 0"),
    ],
    ids=["few", "many", "word", "ragged", "narrow", "bright", "nan", "label 10", "label 2.5"],
)
def test_a_broken_amat_file_is_named(text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=f"here.amat: .*{re.escape(complaint)}"):
        mnist_rot_12k.parse(iter(text.splitlines(keepends=True)), 2, "here.amat")


@pytest.mark.usefixtures("folder")
def test_a_broken_rot_archive_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    member = mnist_rot_12k.TEST_MEMBER
    with pytest.raises(FetchError, match=rf"rot\.zip: there is no {member}"):
        mnist_rot_12k.read(rot_archive(LINE, None), member, 1)
    with pytest.raises(FetchError, match=f"{member}: unpacks to more than"):
        mnist_rot_12k.read(rot_archive(LINE, LINE * 20), member, 1)
    with pytest.raises(UserError, match=f"{member}: cannot be unpacked"):
        mnist_rot_12k.read(rot_archive(LINE, "é" * 20), member, 1)
    file = file_of(b"PK no archive", DEAD, name="rot.zip")
    put(file, b"PK no archive")
    with pytest.raises(FetchError, match=r"rot\.zip.*cannot be unpacked"):
        mnist_rot_12k.read(file, member, 1)


def cifar_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate([labels[:, None].astype(np.uint8), images.reshape(len(images), -1)], 1).tobytes()


def cifar_archive(batches: dict[str, bytes]) -> File:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in {"cifar-10-batches-bin/readme.html": b"words", **batches}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    file = file_of(packed.getvalue(), DEAD, name="cifar.tar.gz")
    put(file, packed.getvalue())
    return file


def cifar_batches(count: int) -> dict[str, bytes]:
    return {
        name: cifar_batch(some_images(count, 3, 32, 32, seed=seed), np.arange(count) % 10)
        for seed, name in enumerate((*cifar10.TRAIN_MEMBERS, cifar10.TEST_MEMBER))
    }


@pytest.mark.usefixtures("folder")
def test_cifar10_from_a_small_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "FILES", (cifar_archive(cifar_batches(20)),))
    for name, value in {"BATCH": 20, "TRAIN": 60, "VALIDATION": 40}.items():
        monkeypatch.setattr(cifar10, name, value)
    dataset = cifar10.load(cifar10.Cifar10Options())
    satisfies_contract(dataset, 32, channels=3)
    assert torch.equal(dataset.test.inputs, torch.from_numpy(some_images(20, 3, 32, 32, seed=5)))
    assert copies_between((dataset.train, dataset.validation, dataset.test)) == 0
    satisfies_contract(cifar10.load(cifar10.Cifar10Options(size=33)), 33, channels=3)


@pytest.mark.usefixtures("folder")
def test_a_broken_cifar10_archive_is_named() -> None:
    batches = cifar_batches(2)
    with pytest.raises(FetchError, match=rf"there is no {cifar10.TEST_MEMBER} in it"):
        cifar10.read(cifar_archive({name: batches[name] for name in cifar10.TRAIN_MEMBERS}), 2)
    with pytest.raises(FetchError, match=r"data_batch_1\.bin: not a file of 3 records, 9219 bytes"):
        cifar10.read(cifar_archive(batches), 3)
    whole = cifar_archive(batches).path.read_bytes()
    file = file_of(whole[:-100], DEAD, name="cifar.tar.gz")
    put(file, whole[:-100])
    with pytest.raises(FetchError, match=r"cifar\.tar\.gz: cannot be unpacked"):
        cifar10.read(file, 2)


def test_a_broken_cifar10_batch_is_named() -> None:
    batch = cifar_batch(some_images(2, 3, 32, 32), np.array([3, 10]))
    with pytest.raises(UserError, match="here: label 10; the labels are 0 to 9"):
        cifar10.parse(batch, 2, "here")
    with pytest.raises(UserError, match="here: 6145 bytes; 2 records of 3073 bytes are 6146"):
        cifar10.parse(batch[:-1], 2, "here")


# ------------------------------------------------------------------------------------------------- your own data


def save_images(folder: Path, counts: dict[str, int], mode: str = "L", kind: str = ".png", start: int = 0) -> Path:
    for seed, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(start, start + count):
            shape = (20, 24) if mode == "L" else (20, 24, 3)
            noise = np.random.default_rng(1000 * seed + i).integers(0, 256, shape, np.uint8)
            Image.fromarray(noise).save(folder / name / f"{i:03}{kind}")
    return folder


def from_folder(path: Path, **options: object) -> Dataset:
    return image_folder.load(image_folder.ImageFolderOptions.model_validate({"path": path, "size": 16, **options}))


@pytest.mark.parametrize(
    ("mode", "channels", "depth"),
    [("L", "auto", 1), ("RGB", "auto", 3), ("L", "colour", 3), ("RGB", "grey", 1)],
)
def test_image_folder(tmp_path: Path, mode: str, channels: str, depth: int) -> None:
    save_images(tmp_path, {"dog": 20, "cat": 40}, mode)
    save_images(tmp_path, {"cat": 1}, mode, ".JPG", start=100)
    (tmp_path / "cat" / ".hidden.png").write_bytes(b"not an image")
    (tmp_path / "cat" / "notes.txt").write_text("words")
    (tmp_path / ".cache").mkdir()
    dataset = from_folder(tmp_path, channels=channels)
    satisfies_contract(dataset, 16, depth)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert dataset.names == ("cat", "dog")
    assert [len(split) for split in splits] == [43, 9, 9]
    assert sum(int((split.targets == 0).sum()) for split in splits) == 41
    assert copies_between(splits) == 0
    assert dataset.revision == from_folder(tmp_path, channels=channels).revision


def test_one_colour_file_makes_the_folder_colour(tmp_path: Path) -> None:
    save_images(tmp_path, {"cat": 20, "dog": 20})
    grey = from_folder(tmp_path)
    save_images(tmp_path, {"dog": 1}, "RGB", start=50)
    colour = from_folder(tmp_path)
    assert (grey.train.inputs.shape[1], colour.train.inputs.shape[1]) == (1, 3)
    cats = colour.train.inputs[colour.train.targets == 0]
    assert torch.equal(cats, cats[:, :1].expand_as(cats))


def test_image_folder_with_splits_of_its_own(tmp_path: Path) -> None:
    for start, name in enumerate(("train", "validation", "test")):
        save_images(tmp_path / name, {"cat": 20 - start, "dog": 30}, start=100 * start)
    dataset = from_folder(tmp_path)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [50, 49, 48]
    satisfies_contract(dataset, 16, channels=1)


def test_a_missing_validation_folder_is_cut_from_training(tmp_path: Path) -> None:
    for start, name in enumerate(("train", "test")):
        save_images(tmp_path / name, {"cat": 20, "dog": 30}, start=100 * start)
    dataset = from_folder(tmp_path, validation=0.2)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [40, 10, 50]
    assert copies_between((dataset.train, dataset.validation, dataset.test)) == 0


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    save_images(tmp_path, {"cat": 20, "dog": 20})
    half = np.zeros((16, 16), np.uint8)
    half[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn counterclockwise from upright
    Image.fromarray(half).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    found = picture(tmp_path / "turned.jpg").pixels[0]
    assert found[:, 12].min() > 200
    assert found[:, 3].max() < 50


def picture(file: Path, **options: Any) -> pictures.Picture:
    return pictures.read(file, **{"channels": "auto", "size": 16, "fit": "crop", "background": "white"} | options)


#: The rational -1/0, as a camera wrote it for XResolution, and what else stands in EXIF that Pillow cannot write again.
ODD_EXIF = {
    "a signed rational -1/0": b"\x01\x1a\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x26",
    "text where a number is due": b"\x01\x1a\x00\x02\x00\x00\x00\x04abc\x00",
    "a value beyond the end": b"\x01\x1a\x00\x05\x00\x00\x00\x01\x00\x00\xff\x00",
    "an unknown type": b"\x01\x1a\x00\x63\x00\x00\x00\x01\x00\x00\x00\x00",
}


@pytest.mark.parametrize("odd", ODD_EXIF)
def test_of_exif_the_orientation_alone_matters(tmp_path: Path, odd: str) -> None:
    half = np.zeros((16, 16), np.uint8)
    half[:8] = 255
    orientation = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    # big-endian TIFF, two entries, no further directory, then -1 and 0
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02" + orientation + ODD_EXIF[odd]
    exif += b"\x00\x00\x00\x00" + b"\xff\xff\xff\xff\x00\x00\x00\x00"
    Image.fromarray(half).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    found = picture(tmp_path / "turned.jpg").pixels[0]
    assert found[:, 12].min() > 200
    assert found[:, 3].max() < 50


def test_exif_that_is_none_leaves_a_good_image_as_it_is_stored(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(grey).save(tmp_path / "plain.jpg", quality=95)
    expected = picture(tmp_path / "plain.jpg").pixels
    for nonsense in (b"Exif\x00\x00MM\x00*", b"Exif\x00\x00words", b"Exif\x00\x00II*\x00\xff\xff\xff\xff"):
        Image.fromarray(grey).save(tmp_path / "odd.jpg", exif=nonsense, quality=95)
        assert np.array_equal(picture(tmp_path / "odd.jpg").pixels, expected)


def icon(kind: str, shape: np.ndarray) -> Image.Image:
    """Return a black shape (a mask) on nothing, in one of the ways in which a PNG can have nothing."""
    alpha = Image.fromarray((255 * shape).astype(np.uint8))
    black = Image.new("L", alpha.size, 0)
    if kind == "LA":
        return Image.merge("LA", (black, alpha))
    if kind == "RGBA":
        return Image.merge("RGBA", (black, black, black, alpha))
    palette = Image.fromarray(shape.astype(np.uint8), "P")
    palette.putpalette([255, 0, 0, 0, 0, 0])
    palette.info["transparency"] = 0
    return palette


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P"])
def test_content_in_the_transparency_is_seen_on_the_background(tmp_path: Path, kind: str) -> None:
    shape = np.zeros((16, 16), bool)
    shape[4:12, 4:12] = True
    icon(kind, shape).save(tmp_path / "icon.png")
    on_white = picture(tmp_path / "icon.png", channels="grey")
    assert on_white.was_transparent
    assert np.array_equal(on_white.pixels[0], np.where(shape, 0, 255))
    assert picture(tmp_path / "icon.png", channels="grey", background="black").pixels.max() == 0


def test_an_opaque_image_with_an_alpha_channel_is_not_called_transparent(tmp_path: Path) -> None:
    icon("RGBA", np.ones((16, 16), bool)).save(tmp_path / "icon.png")
    assert not picture(tmp_path / "icon.png").was_transparent


def save_icons(folder: Path, kind: str = "RGBA") -> Path:
    for seed, name in enumerate(("round", "square")):
        (folder / name).mkdir(parents=True)
        for i in range(30):
            shape = np.random.default_rng(100 * seed + i).random((16, 16)) > 0.5
            icon(kind, shape).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.parametrize("kind", ["RGBA", "LA"])
def test_a_folder_of_icons_says_on_what_it_puts_them_and_refuses_to_make_them_all_alike(
    tmp_path: Path, kind: str
) -> None:
    path = save_icons(tmp_path / "icons", kind)
    dataset = from_folder(path)
    assert "60 of 60 images are transparent: put on white ('background')" in dataset.notes
    assert check_content(dataset, "s.yaml") == ()
    with pytest.raises(UserError, match=r"s\.yaml: the 42 training images .* are all equal: .*another 'background'"):
        check_content(from_folder(path, background="black"), "s.yaml")


@pytest.mark.parametrize(("spread", "told"), [(0, "are all equal"), (5, "differ by no more than 5 of 255 grey values")])
def test_images_that_are_equal_or_nearly_so_are_refused(tmp_path: Path, spread: int, told: str) -> None:
    grey = np.full((60, 20, 20), 100, np.uint8) + np.random.default_rng(0).integers(
        0, spread + 1, (60, 20, 20), np.uint8
    )
    with pytest.raises(UserError, match=f"s.yaml: the 42 training images of 'npz' {told}"):
        check_content(from_npz(save_npz(tmp_path / "mine.npz", grey)), "s.yaml")


def test_images_that_come_again_and_again_are_told(tmp_path: Path) -> None:
    grey = some_images(60, 20, 20)
    grey[:50] = grey[0]
    (told,) = check_content(from_npz(save_npz(tmp_path / "mine.npz", grey)), "s.yaml")
    assert re.fullmatch(r"3\d of the 42 training images are one and the same", told)


@pytest.mark.parametrize("colour", ["grey", "RGB", "RGBA", "LA"])
def test_more_than_8_bits_are_refused_for_every_colour_type(tmp_path: Path, colour: str) -> None:
    kinds = {"grey": (0, 1), "RGB": (2, 3), "LA": (4, 2), "RGBA": (6, 4)}
    (tmp_path / "deep.png").write_bytes(png(*kinds[colour], depth=16))
    with pytest.raises(UserError, match=r"deep\.png has 16 bits per pixel and channel; save it with 8"):
        picture(tmp_path / "deep.png")
    (tmp_path / "flat.png").write_bytes(png(*kinds[colour], depth=8))
    assert picture(tmp_path / "flat.png").pixels.dtype == np.uint8


def png(colour_type: int, channels: int, depth: int) -> bytes:
    """Return a PNG of 16 x 16 pixels, written by hand: Pillow writes no colour of 16 bits."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 16, 16, depth, colour_type, 0, 0, 0)
    row = b"\x00" + bytes(range(16)) * (channels * depth // 8)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * 16)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("fit", "expected"), [("crop", 200), ("pad", 0), ("squeeze", 100)])
def test_images_that_are_not_square_are_cut_or_padded_and_squeezed_only_when_asked(
    tmp_path: Path, fit: str, expected: int
) -> None:
    wide = np.full((32, 96), 100, np.uint8)
    wide[:, 32:64] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    found = picture(tmp_path / "wide.png", size=32, fit=fit)
    assert not found.was_square
    # the upper left corner: of the middle square, of the padding, of the whole
    assert found.pixels[0, 1, 1] == expected
    assert found.pixels[0, 16, 16] == 200


def test_what_is_left_out_and_what_is_changed_is_counted_and_told(tmp_path: Path) -> None:
    save_images(tmp_path, {"cat": 20, "dog": 20})  # 24 x 20 pixels
    for name in ("a.webp", "b.webp", "c.txt", ".hidden.webp"):
        (tmp_path / "cat" / name).write_bytes(b"")
    save_images(tmp_path / "cat", {"deeper": 3})
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / "beside.png")
    kinds, places, shapes = from_folder(tmp_path).notes
    assert kinds == "left out: 3 files of other kinds (2 .webp, 1 .txt); accepted are .png, .jpg, .jpeg"
    assert places.startswith("left out: 4 images that do not lie in the folder of a class itself, such as ")
    assert shapes == "40 of 40 images are not square: cut to the square in the middle ('fit')"
    tidy = tmp_path / "tidy"
    for name in ("train", "test"):
        for label, seed in (("cat", 0), ("dog", 1)):
            (tidy / name / label).mkdir(parents=True)
            for i in range(20):
                noise = np.random.default_rng(100 * seed + i).integers(0, 256, (20, 20), np.uint8)
                Image.fromarray(noise).save(tidy / name / label / f"{i}.png")
    assert from_folder(tidy).notes == ()


def test_image_folder_complaints(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere cannot be read as a folder of images \(No such file"):
        from_folder(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has 0 class folders"):
        from_folder(tmp_path)
    save_images(tmp_path, {"cat": 20})
    with pytest.raises(UserError, match="has 1 class folders; expected one for each of at least two"):
        from_folder(tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(UserError, match=r"dog has no images; the folder of a class holds \.png"):
        from_folder(tmp_path)
    save_images(tmp_path, {"dog": 3})
    with pytest.raises(UserError, match=r"class 'dog' has 3 images, too few for every split.*14 of each"):
        from_folder(tmp_path)
    save_images(tmp_path, {"dog": 20})
    whole = (tmp_path / "dog" / "007.png").read_bytes()
    for broken in (b"", b"words", whole[:100], whole[: len(whole) // 2]):
        (tmp_path / "dog" / "007.png").write_bytes(broken)
        with pytest.raises(UserError, match=r"dog/007\.png cannot be read as an image") as caught:
            from_folder(tmp_path)
        assert "\n" not in str(caught.value)
    Image.fromarray(np.zeros((20, 20), np.uint16)).save(tmp_path / "dog" / "007.png")
    with pytest.raises(UserError, match=r"007\.png has 16 bits"):
        from_folder(tmp_path)


def test_complaints_about_splits_of_its_own(tmp_path: Path) -> None:
    save_images(tmp_path / "train", {"cat": 3, "dog": 3})
    with pytest.raises(UserError, match="has only the folder train; accepted are both train and test"):
        from_folder(tmp_path)
    save_images(tmp_path / "validation", {"cat": 3, "dog": 3})
    with pytest.raises(UserError, match="has only the folders train and validation; accepted are both"):
        from_folder(tmp_path)
    save_images(tmp_path / "test", {"cat": 3, "dog": 3})
    save_images(tmp_path / "test", {"emu": 1})
    with pytest.raises(UserError, match=r"test and .*train differ in the class 'emu'"):
        from_folder(tmp_path)
    (tmp_path / "val").mkdir()
    with pytest.raises(UserError, match="val lies beside train and test"):
        from_folder(tmp_path)


def test_shares_leave_something_for_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="data: validation and test together leave no share"):
        check({"path": str(tmp_path), "validation": 0.5, "test": 0.5}, npz.NpzOptions, "data")


def save_npz(path: Path, images: np.ndarray, labels: np.ndarray | None = None) -> Path:
    np.savez(path, images=images, labels=np.arange(len(images)) % 3 if labels is None else labels)
    return path


def from_npz(path: Path, **options: object) -> Dataset:
    return npz.load(npz.NpzOptions.model_validate({"path": path, **options}))


@pytest.mark.parametrize(
    ("shape", "depth"),
    [((60, 20, 20), 1), ((60, 20, 20, 1), 1), ((60, 20, 20, 3), 3), ((60, 3, 20, 20), 3), ((60, 2, 20, 20), 2)],
)
def test_npz(tmp_path: Path, shape: tuple[int, ...], depth: int) -> None:
    path = save_npz(tmp_path / "mine.npz", some_images(*shape))
    dataset = from_npz(path)
    satisfies_contract(dataset, 20, depth)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [42, 9, 9]
    assert copies_between(splits) == 0
    satisfies_contract(from_npz(path, size=17), 17, depth)


def test_layouts_types_and_splits_of_npz_agree(tmp_path: Path) -> None:
    images = some_images(60, 3, 20, 20)
    expected = from_npz(save_npz(tmp_path / "a.npz", images)).revision
    for other in (np.moveaxis(images, 1, 3), images.astype(np.int32), images / 255, (images / 255).astype(np.float32)):
        assert from_npz(save_npz(tmp_path / "b.npz", other)).revision == expected
    assert int(from_npz(save_npz(tmp_path / "c.npz", images[:, 0] > 99)).train.inputs.max()) == 255


@pytest.mark.parametrize(
    ("images", "labels", "complaint"),
    [
        (some_images(60, 20, 21), None, r"shape \(60, 20, 21\); accepted are"),
        (some_images(60, 9, 9), None, "has 9 pixels on a side; give 'size', at least 16"),
        (some_images(60, 5, 20, 20), None, "accepted are"),
        (some_images(0, 20, 20), np.zeros(0, int), r"shape \(0, 20, 20\), which is no image at all"),
        (some_images(60, 20, 20) - 300.0, None, "float64 values that are not all in range"),
        (some_images(60, 20, 20).astype(int) + 1, None, "int64 values that are not all in range"),
        (np.full((60, 20, 20), np.nan), None, "not all in range"),
        (some_images(60, 20, 20).astype(complex), None, "complex128 values"),
        (some_images(60, 20, 20).astype(object), None, "cannot be read as an .npz file of plain arrays"),
        (some_images(60, 20, 20), np.arange(59) % 3, r"expected whole numbers of shape \(60,\)"),
        (some_images(60, 20, 20), np.arange(60) / 60, "'labels' is float64"),
        (some_images(60, 20, 20), np.arange(60) % 3 - 1, "3 values from -1 to 1"),
        (some_images(60, 20, 20), np.arange(60) % 3 * 2, "3 values from 0 to 4"),
        (some_images(60, 20, 20), np.zeros(60, int), "1 values from 0 to 0"),
        (some_images(60, 20, 20), (np.arange(60) == 0).astype(int), "class '1' has 1 images, too few"),
    ],
)
def test_npz_complaints(tmp_path: Path, images: np.ndarray, labels: np.ndarray | None, complaint: str) -> None:
    path = save_npz(tmp_path / "mine.npz", images, labels)
    with pytest.raises(UserError, match=f"mine.npz.*{complaint}") as caught:
        from_npz(path)
    assert "\n" not in str(caught.value)


def test_small_npz_images_are_resampled_to_the_size_that_is_asked_for(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "mine.npz", some_images(60, 8, 8))
    assert from_npz(path, size=16).train.inputs.shape[1:] == (1, 16, 16)


def test_npz_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*nowhere"):
        from_npz(tmp_path / "nowhere.npz")
    np.savez(tmp_path / "names.npz", x=np.zeros(3), labels=np.zeros(3))
    with pytest.raises(UserError, match=r"there is no array 'images'; it needs 'images' and 'labels'"):
        from_npz(tmp_path / "names.npz")
    whole = save_npz(tmp_path / "whole.npz", some_images(60, 20, 20)).read_bytes()
    np.save(tmp_path / "single.npy", np.zeros(3))
    for content in (b"", b"words", whole[:2000], (tmp_path / "single.npy").read_bytes(), whole[:500] + whole[600:]):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"broken\.npz: cannot be read as an \.npz file") as caught:
            from_npz(tmp_path / "broken.npz")
        assert "\n" not in str(caught.value)


def encrypted(archive: bytes) -> bytes:
    """Return a zip archive whose entries say that they are encrypted."""
    changed = bytearray(archive)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = archive.find(magic)
        while at >= 0:
            changed[at + offset] |= 1
            at = archive.find(magic, at + 1)
    return bytes(changed)


def packed(path: Path, header: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive whose 'images' are a header and nothing else."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        archive.writestr("labels.npy", b"")
    return path


HEADER = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n"


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (
            HEADER % ("|u1", "(10000000, 4000, 4000)"),
            r"of shape \(10000000, 4000, 4000\) takes .* GiB to read, and .* free",
        ),
        (HEADER % ("<f8", "(1000000000000,)"), "GiB to read"),
        (HEADER % ("|u1", "(60, 20, 20)"), "cannot be read as an .npz file"),
        (HEADER % ("|u1", "(-1, 20, 20)"), "cannot be read as an .npz file"),
        (HEADER % ("|x9", "(60, 20, 20)"), "cannot be read as an .npz file"),
        ("{'descr': " * 50, "cannot be read as an .npz file"),
        ("(" * 3000, "cannot be read as an .npz file"),
        ("\x00\xff", "cannot be read as an .npz file"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_odd_and_huge_archives_are_one_sentence(tmp_path: Path, header: str, complaint: str, method: int) -> None:
    with pytest.raises(UserError, match=rf"odd\.npz: .*{complaint}") as caught:
        from_npz(packed(tmp_path / "odd.npz", header.encode("latin-1"), method))
    assert "\n" not in str(caught.value)


def test_an_encrypted_archive_is_one_sentence(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "locked.npz", some_images(60, 20, 20))
    path.write_bytes(encrypted(path.read_bytes()))
    with pytest.raises(UserError, match=r"locked\.npz: cannot be read .*is encrypted"):
        from_npz(path)


def complaint(read: Callable[[], object]) -> str:
    """Return what a UserError says, nothing where there is none; other exceptions pass through."""
    try:
        read()
    except UserError as error:
        return str(error)
    return ""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=12), st.booleans())
def test_a_damaged_archive_is_read_or_refused_in_one_sentence(
    tmp_path: Path, changes: list[tuple[int, int]], compressed: bool
) -> None:
    path = tmp_path / "damaged.npz"
    (np.savez_compressed if compressed else np.savez)(path, images=some_images(60, 16, 16), labels=np.arange(60) % 3)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        # half of the bytes that count are in the headers, which lie at either end
        span = len(content) if place % 2 else min(400, len(content))
        content[-1 - place // 2 % span if place % 4 == 0 else place // 2 % span] = value
    path.write_bytes(content)
    told = complaint(lambda: from_npz(path))
    assert "\n" not in told
    assert not told or "damaged.npz" in told


@settings(max_examples=30)
@given(st.lists(st.integers(14, 60), min_size=2, max_size=5))
def test_as_many_images_as_the_complaint_asks_for_are_enough(counts: list[int]) -> None:
    labels = shuffled_labels(counts)
    classes = tuple(str(k) for k in range(len(counts)))
    splits = cut(Split(numbered(labels), labels), (0.15, 0.15), classes, "here")
    assert all(len(split.targets.unique()) == len(counts) for split in splits)
