"""Published archives, from small ones of our own, and what is said of broken ones."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from bench.data.cache import FetchError, File
from bench.domains.plane.data import (
    cifar10,
    mnist_rot_12k,
)
from bench.errors import UserError
from tests.data.files import (
    DEAD,
    copies_between,
    file_of,
    put,
    satisfies_contract,
    some_images,
)


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
