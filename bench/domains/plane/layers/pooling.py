"""Maps from fields to scalars that the group leaves unchanged."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.groups import FieldType
from bench.groups.fields import by_field


class FieldPool(nn.Module):
    """Maximum over the components of permuted fields (group pooling): (B, channels, S, S) to (B, fields, S, S)."""

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        self.fields = fields

    def forward(self, features: Tensor) -> Tensor:
        largest = [block.amax(2) for _, block in by_field(self.fields, features)]
        return torch.cat(largest, 1) if len(largest) > 1 else largest[0]


class FieldNorms(nn.Module):
    """Norm of every field, and scalars as they are: (B, channels, S, S) to (B, fields, S, S)."""

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        self.fields = fields

    def forward(self, features: Tensor) -> Tensor:
        scalars = []
        for rho, block in by_field(self.fields, features):
            if rho.permutes and rho.size == 1:
                scalars.append(block[:, :, 0])
            else:
                scalars.append(torch.sqrt((block * block).sum(2) + 1e-8))  # a norm has no gradient at zero
        return torch.cat(scalars, 1)
