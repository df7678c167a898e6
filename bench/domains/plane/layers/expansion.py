"""What convolutions with an expanded kernel share: when it is expanded, and what is left when learning has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Slopes = TypeVar("Slopes")


def in_full_precision(backward: Callable[[Any, Tensor], Slopes]) -> Callable[[Any, Tensor], Slopes]:
    """Let a derivative compute without autocast, also where a compiler traces it inside of the forward pass's."""

    def without_autocast(ctx: Any, grad: Tensor) -> Slopes:
        with torch.autocast(grad.device.type, enabled=False):
            return backward(ctx, grad)

    return without_autocast


class ExpandedConv(nn.Module):
    """A convolution whose kernel is a function of its parameters, expanded in every step of training.

    Without gradients, in evaluation, one expansion serves until a parameter changes.
    """

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.padding = padding
        self._expanded: tuple[list[object], Tensor] | None = None

    def kernel(self) -> Tensor:
        """Return the expanded kernel (out, in, k, k)."""
        raise NotImplementedError

    def forward(self, features: Tensor) -> Tensor:
        # Expanded in float32: rounding a finished kernel keeps its symmetry, rounding inside the sum would not.
        with torch.autocast(features.device.type, enabled=False):
            kernel = self.kernel() if self.training or torch.is_grad_enabled() else self._kept()
        return F.conv2d(features, kernel, padding=self.padding)

    def train(self, mode: bool = True) -> ExpandedConv:
        """Switch mode and forget what was expanded."""
        self._expanded = None
        return super().train(mode)

    def plain(self) -> nn.Conv2d:
        """Return the ordinary convolution with the same output."""
        with torch.no_grad():
            kernel = self.kernel()
        out, into, size, _ = kernel.shape
        convolution = nn.Conv2d(into, out, size, padding=self.padding, bias=False, device=kernel.device)
        convolution.weight = nn.Parameter(kernel.contiguous(memory_format=torch.channels_last))
        return convolution

    def _kept(self) -> Tensor:
        state: list[object] = [(p._version, p.data_ptr(), p.dtype, p.device) for p in self.parameters()]
        if self._expanded is None or self._expanded[0] != state:
            self._expanded = state, self.kernel()
        return self._expanded[1]
