"""Maps from fields to scalars that the group leaves unchanged."""

from __future__ import annotations

from typing import Any

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
        largest = [_largest(block) for _, block in by_field(self.fields, features)]
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


def _largest(block: Tensor) -> Tensor:
    """Return the maxima (B, count, ...) of fields (B, count, size, ...) over their components."""
    if block.device.type != "cpu" or not block.requires_grad:
        return block.amax(2)  # which forward-mode differentiation and exports know
    maximum: Tensor = _Maximum.apply(block.movedim((1, 2), (-2, -1)))
    return maximum.movedim(-1, 1)


class _Maximum(torch.autograd.Function):
    """The maximum over the last axis, whose derivative the largest share: what `amax` does, sooner on a CPU.

    The components of a field are neighbours in channels-last features, too few for an instruction on many numbers, and
    so are brought apart first (tests/benchmarks/test_speed.py has the ratio).
    """

    @staticmethod
    def forward(ctx: Any, components: Tensor) -> Tensor:
        apart = torch.stack(components.unbind(-1))
        largest = apart.amax(0)
        ctx.save_for_backward(apart.eq_(largest))
        return largest

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (is_largest,) = ctx.saved_tensors
        shares = is_largest * (grad / is_largest.sum(0))
        return torch.stack(shares.unbind(), -1)
