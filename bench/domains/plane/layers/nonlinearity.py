"""Nonlinearities that commute with the group (Weiler & Cesa 2019, section 2.6)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.domains.plane.layers.components import components
from bench.groups import FieldType, trivial


class PointwiseNonlinearity(nn.ReLU):
    """ReLU of every channel, for fields whose components are permuted."""

    def __init__(self) -> None:
        super().__init__(inplace=True)


class NormNonlinearity(nn.Module):
    """Scale every field f to relu(|f| - b) / |f| f, with a learned b per field; scalars get a ReLU."""

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        self.runs = _runs(fields)
        self.thresholds = nn.Parameter(torch.zeros(sum(run.counts[0] for run in _kinds(self.runs) if run.has_norms)))

    def forward(self, features: Tensor) -> Tensor:
        def shrink(block: Tensor, threshold: Tensor, run: FieldRun) -> Tensor:
            # Kept off zero: there norms have no gradient, and where a threshold is negative, dividing by them would
            # turn rounding into features.
            norm = torch.sqrt(run.sums(block * block) + 1e-4)
            return block * run.spread(torch.relu(norm - threshold[:, None, None]) / norm)

        return _by_run(self.runs, features, self.thresholds, 0, shrink)


class GatedNonlinearity(nn.Module):
    """Multiply every field by the sigmoid of a gate of its own; scalars get a ReLU.

    The input has the channels of ``with_gates(fields)``: the fields, then one scalar gate per field that is no scalar.
    """

    def __init__(self, fields: FieldType) -> None:
        super().__init__()
        self.fields = fields
        self.runs = _runs(fields)

    @staticmethod
    def with_gates(fields: FieldType) -> FieldType:
        """Return the type of ``fields`` followed by their gates."""
        gates = sum(count for rho, count in fields.fields if not rho.permutes)
        return FieldType((*fields.fields, (trivial(fields.group), gates))) if gates else fields

    def forward(self, features: Tensor) -> Tensor:
        features, gates = features[:, : self.fields.channels], features[:, self.fields.channels :]

        def gate(block: Tensor, gates: Tensor, run: FieldRun) -> Tensor:
            return block * run.spread(torch.sigmoid(gates))

        return _by_run(self.runs, features, gates, 1, gate)


class FieldRun(nn.Module):
    """Neighbouring fields of one kind: permuted ones, or those that have norms; ``counts`` are fields and channels."""

    components: Tensor

    def __init__(self, sizes: list[int], has_norms: bool) -> None:
        super().__init__()
        self.has_norms, self.counts = has_norms, (len(sizes), sum(sizes))
        self.register_buffer("components", components(sizes if has_norms else []), persistent=False)

    def sums(self, values: Tensor) -> Tensor:
        """Return the sums (B, fields, S, S) over the components of values (B, channels, S, S)."""
        return F.linear(values.movedim(1, -1), self.components.to(values.dtype)).movedim(-1, 1)

    def spread(self, values: Tensor) -> Tensor:
        """Return values (B, fields, S, S) given to every component: (B, channels, S, S)."""
        return F.linear(values.movedim(1, -1), self.components.T.to(values.dtype)).movedim(-1, 1)


def _runs(fields: FieldType) -> nn.ModuleList:
    runs = []
    for permutes, run in groupby(fields.fields, key=lambda pair: pair[0].permutes):
        runs.append(FieldRun([rho.size for rho, count in run for _ in range(count)], has_norms=not permutes))
    return nn.ModuleList(runs)


def _kinds(modules: nn.ModuleList) -> list[FieldRun]:
    return [module for module in modules if isinstance(module, FieldRun)]


def _by_run(
    modules: nn.ModuleList,
    features: Tensor,
    per_field: Tensor,
    dim: int,
    change: Callable[[Tensor, Tensor, FieldRun], Tensor],
) -> Tensor:
    """Apply ReLU to permuted fields and ``change(block, its part of per_field along dim, run)`` to the others."""
    runs = _kinds(modules)
    parts = iter(torch.split(per_field, [run.counts[0] for run in runs if run.has_norms], dim=dim))
    blocks = torch.split(features, [run.counts[1] for run in runs], dim=1)
    changed = [
        change(block, next(parts), run) if run.has_norms else torch.relu(block)
        for run, block in zip(runs, blocks, strict=True)
    ]
    return torch.cat(changed, 1) if len(changed) > 1 else changed[0]
