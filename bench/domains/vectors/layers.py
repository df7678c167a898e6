"""Layers of an equivariant MLP (Finzi et al. 2021, section 7): linear, bilinear, and the gated nonlinearity."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bench.domains.vectors.maps import linear_maps
from bench.domains.vectors.tensors import Tensors

#: The factor of the bilinear part of a block, as in the released code.
SHARE = 0.1


class EquivariantLinear(nn.Module):
    """Every equivariant affine map from tensors to tensors: (B, before.size) to (B, after.size).

    Weights are coefficients of bases. The released code learns a dense matrix, which starts orthogonal, and projects it
    onto the equivariant ones; coefficients of the projection do the same with fewer numbers, if two things are kept.
    They start as small as the projection leaves them (a normal matrix of variance 1 / max(before.size, after.size), of
    which a few dimensions in thousands are kept), and every element of a basis is enlarged until its entries are about
    one: then a step of Adam, which moves every number by the rate, moves the entries of the matrix by the rate too, as
    in any plain layer; coefficients of an orthonormal basis learn d^((p + q) / 4) times slower.
    """

    def __init__(self, before: Tensors, after: Tensors) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for i, (rank_after, count_after) in enumerate(after.pairs):
            bases = [linear_maps(after.group, rank, rank_after) for rank, _ in before.pairs]
            for j, ((rank, count), basis) in enumerate(zip(before.pairs, bases, strict=True)):
                if len(basis):
                    scale = after.group.dimension ** ((rank + rank_after) / 4)
                    drawn = torch.randn(count_after, count, len(basis)) / math.sqrt(max(before.size, after.size))
                    self.weights[f"{i} {j}"] = nn.Parameter(drawn / scale)
                    enlarged = torch.as_tensor(scale * basis, dtype=torch.float32)
                    self.register_buffer(f"basis_{i}_{j}", enlarged, persistent=False)
            constant = linear_maps(after.group, 0, rank_after)
            if len(constant):
                self.biases[f"{i}"] = nn.Parameter(torch.zeros(count_after, len(constant)))
                self.register_buffer(f"constant_{i}", torch.as_tensor(constant, dtype=torch.float32), persistent=False)

    @property
    def decayed(self) -> tuple[str, ...]:
        """The parameters that weight decay is for."""
        return ()

    def matrix(self) -> Tensor:
        """Return the map (after.size, before.size)."""
        rows = []
        for i, width_after in enumerate(self.after.widths):
            blocks = []
            for j, width in enumerate(self.before.widths):
                name = f"{i} {j}"
                if name in self.weights:
                    basis = getattr(self, f"basis_{i}_{j}")
                    block = torch.einsum("opn,nij->oipj", self.weights[name], basis).reshape(width_after, width)
                else:
                    block = next(iter(self.weights.values())).new_zeros(width_after, width)
                blocks.append(block)
            rows.append(torch.cat(blocks, 1))
        return torch.cat(rows)

    def bias(self) -> Tensor:
        """Return the invariant part (after.size,)."""
        parts = []
        for i, width in enumerate(self.after.widths):
            if f"{i}" in self.biases:
                constant = getattr(self, f"constant_{i}")
                parts.append(torch.einsum("on,nij->oi", self.biases[f"{i}"], constant).reshape(width))
            else:
                parts.append(next(iter(self.weights.values())).new_zeros(width))
        return torch.cat(parts)

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.linear(values, self.matrix(), self.bias())

    def plain(self) -> nn.Linear:
        """Return the same map as an ordinary layer."""
        layer = nn.Linear(self.before.size, self.after.size)
        with torch.no_grad():
            layer.weight.copy_(self.matrix())
            layer.bias.copy_(self.bias())
        return layer


class Bilinear(nn.Module):
    """Tensors of a higher rank as maps between the others, with learned weights: quadratic in its input.

    For every pair of ranks p and q a tensor of rank p + q takes tensors of rank p to rank q, its last p indices summed
    with theirs through the metric. Of each rank no more tensors than d^rank act, as in the released code (which draws
    them; here they are the first).
    """

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        self.tensors = tensors
        self.weights = nn.ParameterDict()
        d = tensors.group.dimension
        for i, (rank_after, count_after) in enumerate(tensors.pairs):
            for j, (rank, count) in enumerate(tensors.pairs):
                acting = min(tensors.count(rank + rank_after), d ** (rank + rank_after)) if rank + rank_after else 0
                if acting:
                    self.weights[f"{i} {j}"] = nn.Parameter(torch.randn(count_after, count * acting))
        self.metric: Tensor
        self.register_buffer("metric", torch.as_tensor(tensors.group.metric, dtype=torch.float32), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        parts = list(self.tensors.parts(values))
        by_rank = {rank: part for rank, part in parts if part.shape[1]}
        products = []
        for i, (rank_after, own) in enumerate(parts):
            total = torch.zeros_like(own).reshape(*own.shape[:2], -1)
            for j, (rank, part) in enumerate(parts):
                weight = self.weights.get(f"{i} {j}")
                if weight is not None:
                    acting = by_rank[rank + rank_after][:, : weight.shape[1] // part.shape[1]]
                    flat = acting.reshape(*acting.shape[:2], -1, self.tensors.group.dimension**rank)
                    total = total + self._applied(weight, flat, self._lowered(part, rank))
            products.append(total.flatten(1))
        return SHARE * torch.cat(products, 1)

    def _lowered(self, part: Tensor, rank: int) -> Tensor:
        """Return tensors (B, c, d..) with every index lowered by the metric, as (B, c, d^rank)."""
        for axis in range(2, 2 + rank):
            part = part * self.metric.view(-1, *[1] * (part.dim() - axis - 1))
        return part.reshape(*part.shape[:2], -1)

    @staticmethod
    def _applied(weight: Tensor, acting: Tensor, part: Tensor) -> Tensor:
        """Return sums over c and k of weight (o, ck) times acting (B, k, i, m) applied to part (B, c, m): (B, o, i)."""
        weights = weight.unflatten(1, (part.shape[1], -1))
        if part.shape[1] * acting.shape[2] <= len(weight) * acting.shape[3]:
            products = torch.einsum("bkim,bcm->bcki", acting, part).flatten(1, 2)
            return torch.einsum("oq,bqi->boi", weight, products)
        # where there are many of what is acted on, their weighted sums first
        sums = torch.einsum("ock,bcm->bokm", weights, part)
        return torch.einsum("bokm,bkim->boi", sums, acting)


class Gated(nn.Module):
    """Scalars through a swish, every other tensor times the sigmoid of a scalar of its own, which is then dropped.

    ``tensors`` are those that come out; `before` what goes in: the same, and a scalar for every tensor that is none.
    """

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        self.tensors = tensors
        self.gates = sum(count for rank, count in tensors.pairs if rank)

    @property
    def before(self) -> Tensors:
        return gated(self.tensors)

    def forward(self, values: Tensor) -> Tensor:
        own, gates = values[:, : self.tensors.size], values[:, self.tensors.size :].sigmoid()
        parts, first = [], 0
        for rank, part in self.tensors.parts(own):
            if rank == 0:
                parts.append(part * part.sigmoid())
                continue
            mine = gates[:, first : first + part.shape[1]]
            parts.append((part * mine.reshape(*mine.shape, *[1] * rank)).flatten(1))
            first += part.shape[1]
        return torch.cat(parts, 1)


def gated(tensors: Tensors) -> Tensors:
    """Return tensors with a scalar more, at the end, for every one that is no scalar."""
    gates = sum(count for rank, count in tensors.pairs if rank)
    return Tensors(tensors.group, (*tensors.pairs, (0, gates))) if gates else tensors
