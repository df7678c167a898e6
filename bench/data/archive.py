"""Arrays of a person's own NumPy archive, read with care: nothing is unpickled, nothing larger than memory is read."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import UserError, one_line


def arrays(path: Path, names: Sequence[str]) -> tuple[NDArray[np.generic], ...]:
    """Return arrays of an .npz file by their names; UserError if it is no such file or lacks one of them."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive]
            if missing:
                needed = " and ".join(f"'{name}'" for name in names)
                raise UserError(f"{path}: there is no array '{missing[0]}'; it needs {needed}")
            for name in names:
                _check_memory(path, name)
            return tuple(archive[name] for name in names)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}") from error
    except UserError:
        raise
    except Exception as error:  # of zipfile, zlib, lzma and numpy, for what is damaged, encrypted, odd or huge
        raise UserError(f"{path}: cannot be read as an .npz file of plain arrays ({one_line(error)})") from error


def as_labels(values: NDArray[np.generic], count: int, where: str) -> Tensor:
    """Return labels (N,), int64; UserError unless they are the whole numbers from 0 on, two or more, none left out."""
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise UserError(
            f"{where}: 'labels' is {values.dtype} of shape {values.shape}; expected whole numbers of shape ({count},)"
        )
    present = np.unique(values)
    if len(present) < 2 or not np.array_equal(present, np.arange(len(present))):
        raise UserError(
            f"{where}: 'labels' holds {len(present)} values from {present[0]} to {present[-1]}; "
            "expected 0, 1, 2, ... with none left out, at least two"
        )
    return torch.from_numpy(values.astype(np.int64))


def _check_memory(path: Path, name: str) -> None:
    """Raise UserError if an array would not fit into memory, as floats of 64 bits, before any of it is read."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(stream)
    needed = math.prod(shape) * (dtype.itemsize + np.dtype(np.float64).itemsize)
    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"{path}: its array '{name}' of shape {shape} takes {needed / 2**30:,.1f} GiB to read, and "
            f"{available / 2**30:,.1f} GiB of memory are free; give fewer or smaller {name}"
        )
