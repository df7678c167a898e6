"""The format of MNIST's files."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from bench.data import idx
from bench.domains.plane.data import (
    fashion_mnist,
)
from bench.domains.plane.data.resize import SizeOptions
from bench.errors import UserError
from tests.data.files import (
    copies_between,
    idx_bytes,
    satisfies_contract,
    small_idx,
    some_images,
)


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
