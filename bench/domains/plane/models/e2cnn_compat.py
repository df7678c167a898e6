"""Makes the library e2cnn 0.2.3 work beside current numpy and torch, for all four planar groups.

e2cnn's last release uses what numpy 2 removed: ``np.float`` (O(2)), ``np.array(..., copy=False)`` where a copy is
needed (D_N and O(2)), and ``ndarray.tostring`` in the hashes of its kernel bases (D_N, SO(2) and O(2)); and it indexes
by bytes where torch now wants booleans. Each is given back to the e2cnn modules that use it; numpy and torch stay as
they are.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import torch


class _Replaced:
    """A module with some of its names replaced."""

    def __init__(self, module: ModuleType, **names: Any) -> None:
        self.__dict__.update(names, _module=module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _array(values: Any, *args: Any, copy: bool = True, **kwargs: Any) -> np.ndarray:
    return np.array(values, *args, copy=copy or None, **kwargs)


def _hash(basis: Any) -> int:
    return hash((basis.in_irrep, basis.out_irrep, np.asarray(basis.mu).tobytes(), np.asarray(basis.gamma).tobytes()))


@lru_cache(maxsize=1)
def load_e2cnn() -> ModuleType:
    """Import e2cnn, mend it once, and return it. Its import takes seconds, so it waits for the first use."""
    import e2cnn.group.groups.o2group
    import e2cnn.gspaces
    import e2cnn.kernels.irreps_basis
    import e2cnn.kernels.utils
    import e2cnn.nn
    from e2cnn.nn.modules.r2_conv import basisexpansion_singleblock as masks

    e2cnn.group.groups.o2group.np = _Replaced(np, float=float)
    e2cnn.kernels.utils.np = _Replaced(np, array=_array)
    masks.np, masks.torch = _Replaced(np, uint8=np.bool_), _Replaced(torch, uint8=torch.bool)
    bases = e2cnn.kernels.irreps_basis
    for name in dir(bases):
        kind = getattr(bases, name)
        if isinstance(kind, type) and issubclass(kind, bases.IrrepBasis) and "__hash__" in vars(kind):
            setattr(kind, "__hash__", _hash)  # noqa: B010 - mypy takes a plain assignment for an override
    module = e2cnn
    assert isinstance(module, ModuleType)
    return module


def slices_on_host(module: Any) -> None:
    """Keep the first and the last channel of a module's neighbouring fields as numbers.

    e2cnn keeps them as tensors, which on a GPU are read back at every use: a step would wait for the device, and could
    not be captured.
    """
    from e2cnn.nn.modules.nonlinearities.gated1 import GATES_ID

    for kind, neighbours in getattr(module, "_contiguous", {}).items():
        sides = [f"{side}indices_{kind}" for side in ("", "in_", "out_", "input_", "output_")]
        for name in [*sides, f"{kind}_indices", *(["gates_indices"] if kind == GATES_ID else [])]:
            if neighbours and hasattr(module, name):
                numbers = [int(each) for each in getattr(module, name)]
                delattr(module, name)
                setattr(module, name, numbers)


def forget_bases() -> None:
    """Make e2cnn solve the next kernel basis anew.

    It keeps the modules that hold them and gives one and the same to all networks of a process, so that a network which
    moves to a GPU or to another memory layout takes the kernels of the others with it.
    """
    load_e2cnn().nn.modules.r2_conv.basisexpansion_singleblock._stored_filters.clear()
