"""Nonlinearities that commute with the group (Weiler & Cesa 2019, section 2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from bench.groups import FieldType, trivial
from bench.groups.fields import by_field


class PointwiseNonlinearity(nn.ReLU):
    """ReLU of every channel, for fields whose components are permuted."""

    def __init__(self) -> None:
        super().__init__(inplace=True)


class NormNonlinearity(nn.Module):
    """Scale every field f to relu(|f| - b) / |f| f, with a learned b per field; scalars get a ReLU."""

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        self.fields = fields
        self.thresholds = nn.Parameter(torch.zeros(sum(n for rho, n in fields.fields if not rho.permutes)))

    def forward(self, features: Tensor) -> Tensor:
        def shrink(block: Tensor, threshold: Tensor) -> Tensor:
            norm = _norm(block)
            return block * (torch.relu(norm - threshold[:, None, None, None]) / norm)

        return _field_by_field(self.fields, features, torch.split(self.thresholds, _counts(self.fields)), shrink)


class GatedNonlinearity(nn.Module):
    """Multiply every field by the sigmoid of a gate of its own; scalars get a ReLU.

    The input has the channels of ``with_gates(fields)``: the fields, then one scalar gate per field that is no scalar.
    """

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        self.fields = fields

    @staticmethod
    def with_gates(fields: FieldType) -> FieldType:
        """Return the type of ``fields`` followed by their gates."""
        gates = sum(_counts(fields))
        return FieldType((*fields.fields, (trivial(fields.group), gates))) if gates else fields

    def forward(self, features: Tensor) -> Tensor:
        features, gates = features[:, : self.fields.channels], features[:, self.fields.channels :]

        def gate(block: Tensor, gates: Tensor) -> Tensor:
            return block * torch.sigmoid(gates).unsqueeze(2)

        return _field_by_field(self.fields, features, torch.split(gates, _counts(self.fields), dim=1), gate)


def _counts(fields: FieldType) -> list[int]:
    return [count for rho, count in fields.fields if not rho.permutes]


def _norm(block: Tensor) -> Tensor:
    """Return the norms (B, n, 1, S, S) of the fields (B, n, size, S, S), kept off zero.

    There they have no gradient, and where a threshold is negative, dividing by them would turn rounding into features.
    """
    return torch.sqrt(block.square().sum(2, keepdim=True) + 1e-4)


def _field_by_field(
    fields: FieldType, features: Tensor, per_field: Iterable[Tensor], change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Apply ReLU to permuted fields and ``change(block, its part of per_field)`` to the others."""
    blocks = []
    parts = iter(per_field)
    for rho, block in by_field(fields, features):
        changed = torch.relu(block) if rho.permutes else change(block, next(parts))
        blocks.append(changed.flatten(1, 2))
    return torch.cat(blocks, 1)
