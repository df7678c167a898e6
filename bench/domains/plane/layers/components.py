"""The matrix between fields and their components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def components(sizes: Sequence[int]) -> Tensor:
    """Return the 0/1 matrix (fields, channels) whose row is one on the channels of a field; ``sizes`` of the fields.

    Products with it sum over components and copy to them: the same on every run and every device, and quick on
    channels-last features, where a sum over an axis of two or eight neighbours is not.
    """
    return torch.tensor(of_fields(np.asarray(sizes, np.int64)))


def of_fields(sizes: np.ndarray) -> np.ndarray:
    """Return the matrix of `components` as an array, float32."""
    owners = np.repeat(np.arange(len(sizes)), sizes)
    matrix: np.ndarray = (np.arange(len(sizes))[:, None] == owners).astype(np.float32)
    return matrix
