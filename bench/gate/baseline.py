"""What the code is compared with: runs of it as it was, one file per class of device."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.atomic import write_atomically
from bench.cell import Budget
from bench.errors import UserError, one_line
from bench.train import precision

FORMAT = 1


class Baseline(BaseModel):
    """Ratios of every workload to its calibration, per run and round, and the counters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    device: str
    torch: str
    python: str
    ratios: dict[str, list[Annotated[list[float], Field(min_length=10)]]]
    counters: dict[str, float]

    def runs(self, name: str) -> list[np.ndarray]:
        """Return the rounds of each run of a workload; none for one that is not in it."""
        return [np.array(run) for run in self.ratios.get(name, [])]


def device_class(device: torch.device) -> str:
    """Return a name for all devices that are alike, fit for a file: the GPU's or the processor's model."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu {_processor()}"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _processor() -> str:
    """Return the processor's model, and whether it multiplies in bfloat16: what is run by default follows from it."""
    described = Path("/proc/cpuinfo")
    text = described.read_text() if described.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    suffix = " bf16" if precision(Budget(steps=1), torch.device("cpu")) == "bfloat16" else ""
    return (model[1] if model else platform.processor() or platform.machine()) + suffix


def path_of(folder: Path, device: torch.device) -> Path:
    """Return where the baseline of a device lies."""
    return folder / f"gate-{device_class(device)}.json"


def read(path: Path) -> Baseline | None:
    """Return the baseline of a file, None if there is none; UserError for a file that holds something else."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a baseline of the gate; `equivaug gate --record` writes one") from error
    try:
        baseline = Baseline.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(
            f"{path}: {place}: {one_line(ValueError(first['msg']))}; `equivaug gate --record` writes one"
        ) from error
    if baseline.format != FORMAT:
        raise UserError(f"{path}: format: {baseline.format} is not {FORMAT}; `equivaug gate --record` writes a new one")
    return baseline


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (baseline.model_dump_json(indent=1) + "\n").encode())
