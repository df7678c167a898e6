"""A device on which numbers depend on the cell alone."""

from __future__ import annotations

from typing import Any

import torch

from bench.execute.allocator import keep_memory, release_memory
from bench.measure import reset_peak_memory


def settle(device: torch.device) -> None:
    """Make numbers depend on the cell alone, float32 mean float32, and the peak of memory start here."""
    if device.type == "cpu":
        torch.set_num_threads(1)  # the order of a sum depends on the number of threads
        release_memory()
        keep_memory()
    else:
        torch.cuda.set_device(device.index or 0)
        _float32_is_float32()
    reset_peak_memory(device)


def _float32_is_float32() -> None:
    """Keep products of float32 in float32: ten bits of mantissa would read as equivariance errors of 1e-4."""
    if hasattr(torch.backends.cudnn, "conv"):  # from torch 2.9 on, where the switches below leave some as they were
        kinds: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn]
        for kind in kinds:
            kind.fp32_precision = "ieee"
    else:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
