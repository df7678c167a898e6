"""A device on which numbers depend on the cell alone."""

from __future__ import annotations

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
        # ten bits of mantissa would read as equivariance errors of 1e-4
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    reset_peak_memory(device)
