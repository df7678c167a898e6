"""The matrix between fields and their components."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def components(sizes: Sequence[int]) -> Tensor:
    """Return the 0/1 matrix (fields, channels) whose row is one on the channels of a field; ``sizes`` of the fields.

    Products with it sum over components and copy to them: the same on every run and every device, and quick on
    channels-last features, where a sum over an axis of two or eight neighbours is not.
    """
    owners = torch.tensor([field for field, size in enumerate(sizes) for _ in range(size)])
    return (torch.arange(len(sizes))[:, None] == owners).float()
