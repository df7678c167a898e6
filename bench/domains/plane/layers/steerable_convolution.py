"""The steerable convolution: learned coefficients of a solved basis of equivariant kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.domains.plane.kernels import kernel_basis
from bench.domains.plane.layers.expansion import ExpandedConv
from bench.groups import FieldType, Representation


class SteerableConv(ExpandedConv):
    """Equivariant convolution (B, in.channels, S, S) to (B, out.channels, S', S').

    For every pair of a representation of ``after`` and one of ``before``, one coefficient per pair of fields and basis
    element; the kernel is their linear combination (Weiler & Cesa 2019, section 2.5). No bias: a normalisation follows.
    Where a pair has no equivariant kernel (from scalars to pseudoscalars, say) the block is zero. ``basis`` gives the
    kernels between two representations; the padding keeps the size of odd kernels unless told otherwise.

    ``coefficients`` holds all of them in one vector. One matrix product expands the layer: with the basis of the only
    pair, or a batched one with the bases of all pairs, padded to one shape; ``gather`` and ``place`` bring numbers into
    that shape and out of it.
    """

    basis: Tensor
    gather: Tensor | None
    place: Tensor | None
    decayed = ("coefficients",)

    def __init__(
        self,
        before: FieldType,
        after: FieldType,
        kernel_size: int,
        basis: Callable[[Representation, Representation, int], np.ndarray] = kernel_basis,
        padding: int | None = None,
    ) -> None:
        super().__init__(kernel_size // 2 if padding is None else padding)
        self.before, self.after, self.kernel_size = before, after, kernel_size
        counts = [n_out * n_in for _, n_out in after.fields for _, n_in in before.fields]
        representations = (tuple(rho for rho, _ in fields.fields) for fields in (after, before))
        padded, dimensions = padded_basis(basis, *representations, kernel_size)
        drawn = []
        for row in range(len(after.fields)):
            of_row = slice(row * len(before.fields), (row + 1) * len(before.fields))
            fan_in = sum(n_in * d for (_, n_in), d in zip(before.fields, dimensions[of_row], strict=True))
            # every basis element gives its output the kernel norm 1: this keeps unit variance (He et al. 2015)
            drawn += [
                torch.randn(count * d) * max(fan_in, 1) ** -0.5
                for count, d in zip(counts[of_row], dimensions[of_row], strict=True)
            ]
        self.coefficients = nn.Parameter(torch.cat(drawn))
        # on the device that layers are being made on; one tensor serves all layers between these representations
        self.register_buffer("basis", padded.to(self.coefficients.device), persistent=False)
        several = len(counts) > 1
        self.register_buffer("gather", _padded_places(counts, dimensions) if several else None, persistent=False)
        self.register_buffer("place", self._places(max(counts), padded.shape[2]) if several else None, persistent=False)

    def _places(self, most_pairs: int, longest: int) -> Tensor:
        """Return for every entry (out, k, k, in) of the kernel its place in the padded product (pairs, counts, M)."""
        k = self.kernel_size
        places = np.zeros((self.after.channels, k, k, self.before.channels), np.int64)
        pair, top = 0, 0
        for rho_out, n_out in self.after.fields:
            left = 0
            for rho_in, n_in in self.before.fields:
                start = pair * most_pairs * longest
                fields = np.arange(n_out * n_in).reshape(n_out, n_in, 1, 1, 1, 1) * longest
                entries = np.arange(rho_out.size * rho_in.size * k * k).reshape(rho_out.size, k, k, rho_in.size)
                block = (start + fields + entries).transpose(0, 2, 3, 4, 1, 5)
                shape = (n_out * rho_out.size, k, k, n_in * rho_in.size)
                places[top : top + shape[0], :, :, left : left + shape[3]] = block.reshape(shape)
                pair, left = pair + 1, left + shape[3]
            top += n_out * rho_out.size
        return torch.tensor(places)

    def kernel(self) -> Tensor:
        """Return the expanded kernel (out.channels, in.channels, k, k), channels-last in memory."""
        if self.gather is None or self.place is None:
            (rho_out, n_out), (rho_in, n_in), k = self.after.fields[0], self.before.fields[0], self.kernel_size
            product = self.coefficients.view(n_out * n_in, self.basis.shape[1]) @ self.basis[0]
            blocks = product.view(n_out, n_in, rho_out.size, k, k, rho_in.size).permute(0, 2, 3, 4, 1, 5)
            return blocks.reshape(self.after.channels, k, k, self.before.channels).permute(0, 3, 1, 2)
        padded = F.pad(self.coefficients, (0, 1))[self.gather]
        return torch.bmm(padded, self.basis).flatten()[self.place].permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        return f"{self.before} -> {self.after}, kernel_size={self.kernel_size}"


@lru_cache(maxsize=64)
def padded_basis(
    basis: Callable[[Representation, Representation, int], np.ndarray],
    out: tuple[Representation, ...],
    into: tuple[Representation, ...],
    kernel_size: int,
) -> tuple[Tensor, list[int]]:
    """Return the bases of all pairs in one shape (pairs, dimension, out.size k k in.size), and their dimensions.

    The entries of a kernel are in the order of a channels-last one.
    """
    spaces = [basis(rho_out, rho_in, kernel_size) for rho_out in out for rho_in in into]
    entries = [math.prod(space.shape[1:]) for space in spaces]
    padded = np.zeros((len(spaces), max(map(len, spaces)), max(entries)), np.float32)
    for place, space in enumerate(spaces):
        padded[place, : len(space), : entries[place]] = space.transpose(0, 1, 3, 4, 2).reshape(
            len(space), entries[place]
        )
    return torch.from_numpy(padded), [len(space) for space in spaces]


def _padded_places(counts: list[int], dimensions: list[int]) -> Tensor:
    """Return (pairs, most pairs of fields, largest dimension): where in the vector each coefficient is, or its end."""
    sizes = [count * d for count, d in zip(counts, dimensions, strict=True)]
    starts = [0, *accumulate(sizes)]
    places = torch.full((len(counts), max(counts), max(dimensions)), starts[-1])
    for pair, (count, d) in enumerate(zip(counts, dimensions, strict=True)):
        places[pair, :count, :d] = torch.arange(starts[pair], starts[pair + 1]).view(count, d)
    return places
