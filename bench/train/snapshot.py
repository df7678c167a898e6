"""A training that can go on in another process, from the last of the moments that were written down."""

from __future__ import annotations

import contextlib
import io
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.atomic import write_atomically

#: Seconds between two snapshots: what a crash costs at most, and a cell that takes less has none.
APART = 300.0


@dataclass
class Snapshots:
    """The snapshot of one training: a file that is replaced every few minutes, and removed once the cell is measured.

    ``settings`` are what numbers depend on beside the cells: a snapshot of other ones is ignored, as is a broken one.
    """

    path: Path
    settings: dict[str, str]
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return the state that was kept last, its tensors on the device; None if there is none that can be used."""
        try:
            kept = torch.load(self.path, map_location=device, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
            return None
        if not isinstance(kept, dict) or kept.get("settings") != self.settings:
            return None
        state: dict[str, Any] = kept["state"]
        return state

    @property
    def due(self) -> bool:
        """Whether it is time for another one."""
        return time.monotonic() - self._last >= APART

    def keep(self, state: dict[str, Any]) -> None:
        """Write a state in place of the last one; a disk that refuses costs the snapshot, not the training."""
        self._last = time.monotonic()
        content = io.BytesIO()
        torch.save({"settings": self.settings, "state": state}, content)
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, content.getvalue())

    def remove(self) -> None:
        """Remove the file, and its folder with the last one."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
            self.path.parent.rmdir()
