"""Which precision a step computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch

from bench.cell import Budget


def precision(budget: Budget, device: torch.device) -> Literal["float32", "bfloat16"]:
    """Return the precision of a budget on a device: ``auto`` is bfloat16 where the hardware multiplies in it."""
    if budget.precision != "auto":
        return budget.precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    return "bfloat16" if _cpu_has_bfloat16() else "float32"


def autocast(budget: Budget, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context of the budget's precision; weights stay in float32 either way."""
    if precision(budget, device) == "bfloat16":
        # without the cache of cast weights, which a captured step must not keep
        return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)
    return nullcontext()


@lru_cache(maxsize=1)
def _cpu_has_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16; elsewhere torch imitates them, slowly."""
    described = Path("/proc/cpuinfo")
    words = set(described.read_text().split()) if described.exists() else set()
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})
