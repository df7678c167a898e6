"""What ran a cell: versions, commit, device, and how it was to be trained."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

import bench
from bench.cell import Cell
from bench.train import precision


def settings(cell: Cell, device: torch.device) -> dict[str, Any]:
    """Return the columns that say how the cell was trained."""
    budget = cell.budget
    asked: dict[str, Any] = {"base": cell.base} if cell.base else {}
    if cell.match:
        asked |= {"match_by": cell.match.by, "match_target": cell.match.target, "match_like": cell.rival or None}
    names = ("batch_size", "optimizer", "lr", "schedule", "checkpoint")
    return {**asked, **{name: getattr(budget, name) for name in names}, "precision": precision(budget, device)}


def provenance(device: torch.device) -> dict[str, Any]:
    """Return what ran the cell: versions, commit, device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "version": bench.__version__,
        "commit": _commit(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": name if device.type == "cuda" else f"cpu {name}",
        "threads": torch.get_num_threads(),
        # how many processes wanted a processor in the last minute, over the processors that there are
        "load": psutil.getloadavg()[0] / (psutil.cpu_count() or 1),
        "finished_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


@lru_cache(maxsize=1)
def _commit() -> str | None:
    """Return the commit that the code runs from, read from the repository's files: starting git takes too long."""
    git = Path(bench.__file__).parent.parent / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        branch = head.removeprefix("ref: ")
        if (git / branch).is_file():
            head = (git / branch).read_text()
        elif branch != head:  # `git gc` packs the branches into one file
            head = next(row for row in (git / "packed-refs").read_text().splitlines() if row.endswith(f" {branch}"))
        return head[:12]
    except (OSError, StopIteration):
        return None
