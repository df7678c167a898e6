"""Group restriction: fields of a group seen as fields of a subgroup (Weiler & Cesa 2019, section 2.7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.groups import FieldType, Group, regular


class Restriction(nn.Module):
    """Regular fields (B, n |G|, S, S) of a group as regular fields (B, n |G| / |H| |H|, S, S) of a subgroup H.

    The elements of G fall into the cosets H r; an element of H moves those of each coset as it does its own, so that a
    regular field of G is |G| / |H| regular fields of H, its channels in another order. Nothing is computed.
    ValueError for fields that are not regular, or a group that is no subgroup.
    """

    places: Tensor

    def __init__(self, before: FieldType, subgroup: Group) -> None:
        super().__init__()
        ((rho, count),) = before.fields
        elements = list(before.group.elements)
        if rho != regular(before.group) or not set(subgroup.elements) <= set(elements):
            raise ValueError(f"{before} is no type of regular fields of a group that holds {subgroup}")
        left, order = list(elements), []
        while left:
            coset = [h @ left[0] for h in subgroup.elements]
            order += [elements.index(g) for g in coset]
            left = [g for g in left if g not in coset]
        self.before = before
        self.after = FieldType(((regular(subgroup), count * len(elements) // len(subgroup.elements)),))
        starts = torch.arange(count)[:, None] * len(elements)
        self.register_buffer("places", (starts + torch.tensor(order)).flatten(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        return features.index_select(1, self.places)

    def extra_repr(self) -> str:
        return f"{self.before} -> {self.after}"
