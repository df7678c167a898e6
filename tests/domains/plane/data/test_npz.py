"""A person's own arrays."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import UserError
from tests.data.files import (
    copies_between,
    from_npz,
    satisfies_contract,
    save_npz,
    some_images,
)


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


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
