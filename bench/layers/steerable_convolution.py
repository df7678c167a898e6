"""The steerable convolution: learned coefficients of a solved basis of equivariant kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.groups import FieldType, Representation
from bench.kernels import kernel_basis


class SteerableConv(nn.Module):
    """Equivariant convolution (B, in.channels, S, S) to (B, out.channels, S', S').

    For every pair of a representation of ``after`` and one of ``before``, one coefficient per pair of fields and basis
    element; the kernel is their linear combination (Weiler & Cesa 2019, section 2.5). No bias: a normalisation follows.
    Where a pair has no equivariant kernel (from scalars to pseudoscalars, say) the block is zero. ``basis`` gives the
    kernels between two representations; the padding keeps the size of odd kernels unless told otherwise.
    """

    def __init__(
        self,
        before: FieldType,
        after: FieldType,
        kernel_size: int,
        basis: Callable[[Representation, Representation, int], np.ndarray] = kernel_basis,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        self.before, self.after, self.kernel_size = before, after, kernel_size
        self.padding = kernel_size // 2 if padding is None else padding
        self.coefficients = nn.ParameterList()
        for j, (rho_out, n_out) in enumerate(after.fields):
            spaces = [basis(rho_out, rho_in, kernel_size) for rho_in, _ in before.fields]
            fan_in = sum(len(space) * n_in for space, (_, n_in) in zip(spaces, before.fields, strict=True))
            for i, (space, (_, n_in)) in enumerate(zip(spaces, before.fields, strict=True)):
                # every basis element gives its output the kernel norm 1: this keeps unit variance (He et al. 2015)
                self.coefficients.append(nn.Parameter(torch.randn(n_out, n_in, len(space)) * max(fan_in, 1) ** -0.5))
                self.register_buffer(f"basis{j}_{i}", torch.tensor(space).flatten(1), persistent=False)

    def kernel(self) -> Tensor:
        """Return the expanded kernel (out.channels, in.channels, k, k)."""
        k = self.kernel_size
        coefficients = iter(self.coefficients)
        rows = []
        for j, (rho_out, n_out) in enumerate(self.after.fields):
            blocks = []
            for i, (rho_in, n_in) in enumerate(self.before.fields):
                expanded = next(coefficients) @ self.get_buffer(f"basis{j}_{i}")
                block = expanded.view(n_out, n_in, rho_out.size, rho_in.size, k, k).transpose(1, 2)
                blocks.append(block.reshape(n_out * rho_out.size, n_in * rho_in.size, k, k))
            rows.append(torch.cat(blocks, 1) if len(blocks) > 1 else blocks[0])
        return torch.cat(rows) if len(rows) > 1 else rows[0]

    def forward(self, features: Tensor) -> Tensor:
        # Expanded in float32: rounding a finished kernel keeps its symmetry, rounding inside the sum would not.
        with torch.autocast(features.device.type, enabled=False):
            kernel = self.kernel()
        return F.conv2d(features, kernel, padding=self.padding)

    def extra_repr(self) -> str:
        return f"{self.before} -> {self.after}, kernel_size={self.kernel_size}"
