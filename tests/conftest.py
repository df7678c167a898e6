from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

# the same examples in every run, and a busy machine is no fault of the code
settings.register_profile("equivaug", deadline=None, derandomize=True)
settings.load_profile("equivaug")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """The tests run in parallel processes; more threads in each would only take turns."""
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("EQUIVAUG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"
