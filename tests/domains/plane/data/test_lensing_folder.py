"""Lenses in the published layout: what is read, and what is said of files that are not such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.domains.plane.data.lensing import LensingOptions, simulated
from bench.domains.plane.data.lensing_folder import LensingFolderOptions, load
from bench.errors import UserError


def written(folder: Path, count: int = 60) -> Path:
    """Images as published: plain arrays, those of axions with a mass."""
    split = simulated(count, LensingOptions(size=16, pixel=0.4), "test")
    for i, (image, label) in enumerate(zip(split.inputs, split.targets.tolist(), strict=True)):
        place = folder / ("no_sub", "cdm", "axion")[label]
        place.mkdir(parents=True, exist_ok=True)
        values = image[0].numpy() / 255
        held: np.ndarray = values
        if label == 2:
            held = np.empty(2, dtype=object)
            held[:] = [values, 1e-23]
        np.save(place / f"{i:03}.npy", held)
    return folder


def read(folder: Path, **options: object):
    return load(LensingFolderOptions.model_validate({"path": folder, **options}))


def test_classes_are_folders_and_axions_come_without_their_mass(tmp_path: Path) -> None:
    data = read(written(tmp_path))
    assert data.names == ("axion", "cdm", "no_sub")
    assert [len(split) for split in (data.train, data.validation, data.test)] == [42, 9, 9]
    pixels = torch.cat([data.train.inputs, data.validation.inputs, data.test.inputs])
    split = simulated(60, LensingOptions(size=16, pixel=0.4), "test")
    assert sorted(map(bytes, pixels.numpy())) == sorted(map(bytes, split.inputs.numpy()))


def test_splits_of_its_own_and_another_size(tmp_path: Path) -> None:
    written(tmp_path / "train"), written(tmp_path / "test", 30)
    data = read(tmp_path, size=20)
    assert (len(data.test), data.shape.size) == (30, 20)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (np.zeros((16, 12)), "holds no square image"),
        (np.zeros((16, 16)), "all pixels of its image are 0"),
        (np.full((16, 16), np.nan), "finite"),
        (np.eye(20), "20 x 20 pixels, others 16 x 16"),
        (np.array(["a", "b"]), "holds no square image"),
    ],
)
def test_a_file_that_is_no_image_is_named(tmp_path: Path, values: np.ndarray, complaint: str) -> None:
    np.save(written(tmp_path) / "no_sub" / "999.npy", values)
    with pytest.raises(UserError, match=rf"999\.npy.*{complaint}"):
        read(tmp_path)


def test_a_folder_without_such_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match=r"a has no images; the folder of a class holds \.npy files"):
        read(tmp_path)
