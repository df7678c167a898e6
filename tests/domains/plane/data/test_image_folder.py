"""A person's own images in folders."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.axes import check
from bench.data.dataset import Dataset, check_content
from bench.domains.plane.data import (
    image_folder,
    npz,
    pictures,
)
from bench.errors import UserError
from tests.data.files import (
    copies_between,
    from_npz,
    satisfies_contract,
    save_images,
    save_npz,
    some_images,
)


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
