"""Field types: how the channels of a feature map transform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.groups.action import act
from bench.groups.group import Element, Group
from bench.groups.representation import Representation, trivial


@dataclass(frozen=True)
class FieldType:
    """A direct sum of fields: pairs of a representation and how many fields of it there are.

    Channels lie field by field, in the order of the pairs: channel = start of the pair + field * size + component.

    >>> from bench.groups import regular
    >>> c4 = Group.parse("C4")
    >>> fields = FieldType(((trivial(c4), 2), (regular(c4), 3)))
    >>> fields.channels, fields.widths
    (14, [2, 12])
    >>> vector = torch.arange(14.0)[None]
    >>> fields.mix(vector, Element.rotation(90))[0, :6].tolist()  # scalars stay, a regular field is permuted
    [0.0, 1.0, 5.0, 2.0, 3.0, 4.0]
    """

    fields: tuple[tuple[Representation, int], ...]

    @classmethod
    def scalars(cls, group: Group, count: int) -> FieldType:
        """Return ``count`` fields of the trivial representation (an image's colours, a plain network's channels)."""
        return cls(((trivial(group), count),))

    @property
    def group(self) -> Group:
        return self.fields[0][0].group

    @property
    def channels(self) -> int:
        return sum(self.widths)

    @property
    def widths(self) -> list[int]:
        """The channels of each pair, in order."""
        return [rho.size * count for rho, count in self.fields]

    def act(self, features: Tensor, g: Element) -> Tensor:
        """Return maps (B, C, S, S) moved by ``g``, in space and in their channels.

        Scalar fields move with any element; ValueError for other fields if g is not of the group.
        """
        return self.mix(act(features, g), g)

    def mix(self, features: Tensor, g: Element) -> Tensor:
        """Return features (B, C, ...) whose channels alone are moved by ``g``: those at one point, or in place."""
        parts = []
        for rho, block in by_field(self, features):
            if rho != trivial(self.group):
                matrix = torch.as_tensor(rho(g), dtype=features.dtype, device=features.device)
                block = torch.einsum("ij,bcj...->bci...", matrix, block)
            parts.append(block.flatten(1, 2))
        return torch.cat(parts, 1)

    def __str__(self) -> str:
        return " + ".join(f"{count}x({rho.name})" for rho, count in self.fields)


def by_field(fields: FieldType, features: Tensor) -> Iterator[tuple[Representation, Tensor]]:
    """Yield every pair's representation and its channels apart by field: (B, count, size, ...)."""
    blocks = torch.split(features, fields.widths, dim=1) if len(fields.fields) > 1 else (features,)
    for (rho, count), block in zip(fields.fields, blocks, strict=True):
        yield rho, block.reshape(len(block), count, rho.size, *block.shape[2:])
