"""The steerable convolution: learned coefficients of a solved basis of equivariant kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.domains.plane.kernels import kernel_basis
from bench.domains.plane.layers.expansion import ExpandedConv, in_full_precision
from bench.groups import FieldType, Representation


class SteerableConv(ExpandedConv):
    """Equivariant convolution (B, in.channels, S, S) to (B, out.channels, S', S').

    For every pair of a representation of ``after`` and one of ``before``, one coefficient per pair of fields and basis
    element; the kernel is their linear combination (Weiler & Cesa 2019, section 2.5). No bias: a normalisation follows.
    Where a pair has no equivariant kernel (from scalars to pseudoscalars, say) the block is zero. ``basis`` gives the
    kernels between two representations; the padding keeps the size of odd kernels unless told otherwise.

    ``coefficients`` holds all of them, in one vector or, of a single pair, as (1, fields, dimension). A batched matrix
    product expands the layer, with the bases of all pairs padded to one shape; where there are several, ``gather`` and
    ``place`` bring numbers into that shape and out of it, and what ends in ``_back`` the derivatives.
    """

    basis: Tensor
    basis_back: Tensor
    place: Tensor | None
    place_back: Tensor | None
    gather: Tensor | None
    gather_back: Tensor | None
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
        padded, transposed, dimensions = padded_basis(basis, *representations, kernel_size)
        drawn = []
        for row in range(len(after.fields)):
            of_row = slice(row * len(before.fields), (row + 1) * len(before.fields))
            fan_in = sum(n_in * d for (_, n_in), d in zip(before.fields, dimensions[of_row], strict=True))
            # every basis element gives its output the kernel norm 1: this keeps unit variance (He et al. 2015)
            drawn += [
                torch.randn(count * d) * max(fan_in, 1) ** -0.5
                for count, d in zip(counts[of_row], dimensions[of_row], strict=True)
            ]
        several = len(counts) > 1
        coefficients = torch.cat(drawn)
        self.coefficients = nn.Parameter(coefficients if several else coefficients.view(1, counts[0], dimensions[0]))
        # on the device that layers are being made on; one basis serves all layers between these representations
        device = self.coefficients.device
        self.register_buffer("basis", padded.to(device), persistent=False)
        self.register_buffer("basis_back", transposed.to(device), persistent=False)
        place = self._places(max(counts), padded.shape[2]) if several else None
        gather = _padded_places(counts, dimensions) if several else None
        products = len(counts) * max(counts) * padded.shape[2]
        for name, places, count in (("place", place, products), ("gather", gather, self.coefficients.numel())):
            there = None if places is None else torch.from_numpy(places).to(device)
            back = None if places is None else _way_back(places, count).to(device)
            self.register_buffer(name, there, persistent=False)
            self.register_buffer(f"{name}_back", back, persistent=False)

    def _places(self, most_pairs: int, longest: int) -> np.ndarray:
        """Return for entries in the order (out, k, k, in) their places in the padded product (pairs, counts, M)."""
        k = self.kernel_size
        places = np.zeros((self.after.channels, k, k, self.before.channels), np.int32)
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
        return places.reshape(-1)

    def kernel(self) -> Tensor:
        """Return the expanded kernel (out.channels, in.channels, k, k), channels-last in memory."""
        expand = _Expand if self.gather is None else _ExpandSeveral
        kernel: Tensor = expand.apply(self.coefficients, self)
        return kernel

    def extra_repr(self) -> str:
        return f"{self.before} -> {self.after}, kernel_size={self.kernel_size}"


class _Expand(torch.autograd.Function):
    """The kernel (out, in, k, k) of a layer between fields of one kind, from its coefficients (1, out in, dimension).

    Written out: of its few operations most would be views. Every number of the product is used once.
    """

    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, layer: SteerableConv) -> Tensor:
        ctx.layer = layer
        product = torch.bmm(coefficients, layer.basis)
        return _channels_last(product.as_strided(*_exchanged(_blocks(layer), (0, 2, 3, 4, 1, 5))).contiguous(), layer)

    @staticmethod
    @in_full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        layer: SteerableConv = ctx.layer
        out, into, size_out, k, _, size_in = _blocks(layer)
        shown = _exchanged((out, size_out, k, k, into, size_in), (0, 4, 1, 2, 3, 5))
        by_product = grad.contiguous(memory_format=torch.channels_last).as_strided(*shown).contiguous()
        return torch.bmm(by_product.view(1, out * into, -1), layer.basis_back), None


class _ExpandSeveral(torch.autograd.Function):
    """The same for a layer between fields of several kinds, from its coefficients (n,), by places."""

    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, layer: SteerableConv) -> Tensor:
        ctx.layer = layer
        places: Any = layer.place
        padded = _selected(coefficients, layer.gather).view(len(layer.basis), -1, layer.basis.shape[1])
        return _channels_last(torch.bmm(padded, layer.basis).view(-1).index_select(0, places), layer)

    @staticmethod
    @in_full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        layer: SteerableConv = ctx.layer
        entries = grad.contiguous(memory_format=torch.channels_last).as_strided((grad.numel(),), (1,))
        by_product = _selected(entries, layer.place_back).view(len(layer.basis), -1, layer.basis.shape[2])
        places: Any = layer.gather_back
        return torch.bmm(by_product, layer.basis_back).view(-1).index_select(0, places), None


def _blocks(layer: SteerableConv) -> tuple[int, ...]:
    """Return the shape (out fields, in fields, out components, k, k, in components) of a layer's product."""
    (rho_out, n_out), (rho_in, n_in) = layer.after.fields[0], layer.before.fields[0]
    return n_out, n_in, rho_out.size, layer.kernel_size, layer.kernel_size, rho_in.size


def _exchanged(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return sizes and strides that show numbers, contiguous in ``shape``, with their dimensions in another order."""
    strides = [math.prod(shape[dim + 1 :]) for dim in range(len(shape))]
    return [shape[dim] for dim in order], [strides[dim] for dim in order]


def _channels_last(entries: Tensor, layer: SteerableConv) -> Tensor:
    """Return entries in the order (out, k, k, in) as a kernel (out, in, k, k)."""
    out, into, k = layer.after.channels, layer.before.channels, layer.kernel_size
    return entries.as_strided((out, into, k, k), (k * k * into, 1, k * into, into))


def _selected(numbers: Tensor, places: Any) -> Tensor:
    """Return numbers (n,) by their places, zero for the place n."""
    return F.pad(numbers, (0, 1)).index_select(0, places)


def _way_back(places: np.ndarray, count: int) -> Tensor:
    """Return for each of ``count`` numbers at which entry of ``places`` it is taken, the number of entries if never."""
    back = np.full(count + 1, len(places), np.int32)
    back[places] = np.arange(len(places))
    return torch.from_numpy(back[:count])


@lru_cache(maxsize=64)
def padded_basis(
    basis: Callable[[Representation, Representation, int], np.ndarray],
    out: tuple[Representation, ...],
    into: tuple[Representation, ...],
    kernel_size: int,
) -> tuple[Tensor, Tensor, list[int]]:
    """Return the bases of all pairs in one shape (pairs, dimension, out.size k k in.size), beside their dimensions.

    The second has the last two axes exchanged. The entries of a kernel are in the order of a channels-last one.
    """
    spaces = [basis(rho_out, rho_in, kernel_size) for rho_out in out for rho_in in into]
    entries = [math.prod(space.shape[1:]) for space in spaces]
    padded = np.zeros((len(spaces), max(map(len, spaces)), max(entries)), np.float32)
    for place, space in enumerate(spaces):
        padded[place, : len(space), : entries[place]] = space.transpose(0, 1, 3, 4, 2).reshape(
            len(space), entries[place]
        )
    return torch.from_numpy(padded), torch.from_numpy(padded).mT.contiguous(), [len(space) for space in spaces]


def _padded_places(counts: list[int], dimensions: list[int]) -> np.ndarray:
    """Return where in the vector each of (pairs, most pairs of fields, largest dimension) is, or its end: flat."""
    sizes = [count * d for count, d in zip(counts, dimensions, strict=True)]
    starts = [0, *accumulate(sizes)]
    places = np.full((len(counts), max(counts), max(dimensions)), starts[-1], np.int32)
    for pair, (count, d) in enumerate(zip(counts, dimensions, strict=True)):
        places[pair, :count, :d] = np.arange(starts[pair], starts[pair + 1]).reshape(count, d)
    return places.reshape(-1)
