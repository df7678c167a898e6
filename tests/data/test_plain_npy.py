"""Arrays of objects are read without calling what a pickle names."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from bench.data import plain_npy
from bench.errors import UserError


class Harmful:
    """What runs a command when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.place}",)


def save(path: Path, *parts: object) -> Path:
    held = np.empty(len(parts), dtype=object)
    held[:] = parts
    np.save(path, held, allow_pickle=True)
    return path


def test_a_plain_array_is_itself(tmp_path: Path) -> None:
    values = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "plain.npy", values)
    (found,) = plain_npy.read(tmp_path / "plain.npy")
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("mass", [1.5e-23, np.float64(1.5e-23), np.array(1.5e-23)])
def test_an_array_of_objects_gives_its_arrays_and_numbers(tmp_path: Path, mass: object) -> None:
    image = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    first, second = plain_npy.read(save(tmp_path / "axion.npy", image, mass))
    np.testing.assert_array_equal(first, image)
    assert float(second) == 1.5e-23


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    held = np.empty(2, dtype=object)
    held[:] = [np.eye(3), 2.0]
    path = tmp_path / "old.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(held))
        pickle.dump(held, stream, protocol=protocol)
    np.testing.assert_array_equal(plain_npy.read(path)[0], np.eye(3))


def test_nothing_that_a_file_names_is_called(tmp_path: Path) -> None:
    place = tmp_path / "harm"
    path = save(tmp_path / "bad.npy", np.eye(2), Harmful(place))
    with pytest.raises(UserError, match=r"bad\.npy: cannot be read.*which is no part of an array"):
        plain_npy.read(path)
    assert not place.exists()


def test_what_is_no_array_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.npy").write_text("no array")
    for name in ("text.npy", "nowhere.npy"):
        with pytest.raises(UserError, match=name):
            plain_npy.read(tmp_path / name)
    with pytest.raises(UserError, match="more than arrays and numbers"):
        plain_npy.read(save(tmp_path / "words.npy", np.eye(2), {"a": 1}))
