"""Arrays of .npy files from elsewhere, read without running what a pickle may hold.

NumPy pickles arrays of objects, and to unpickle is to call what the file names. Here a pickle may name nothing but what
arrays and numbers are rebuilt with; whatever else it names is refused before it is called.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError, one_line

_REBUILDS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


class _Arrays(pickle.Unpickler):
    """Rebuilds arrays and numbers, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):  # how Python 2 and protocol 2 write bytes
            return _latin
        if (module, name) not in _REBUILDS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no part of an array")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _latin(text: str, encoding: str) -> bytes:
    return text.encode("latin1")


def read(path: Path) -> list[NDArray[np.generic]]:
    """Return the array of a .npy file, or the arrays and numbers in it where it is one of objects.

    UserError for what is no such file, is damaged, or holds objects that are none of these.
    """
    try:
        with path.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            _, _, dtype = header(stream)
            if not dtype.hasobject:
                stream.seek(0)
                return [np.lib.format.read_array(stream, allow_pickle=False)]
            held = _Arrays(stream).load()
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}") from error
    except Exception as error:  # of pickle and numpy, for what is damaged or odd
        raise UserError(f"{path}: cannot be read as an array of numbers ({one_line(error)})") from error
    parts = [np.asarray(part) for part in np.asarray(held, dtype=object).ravel()]
    if not parts or any(part.dtype.hasobject for part in parts):
        raise UserError(f"{path}: its array of objects holds more than arrays and numbers")
    return parts
