from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """The tests run in parallel processes; more threads in each would only take turns."""
    torch.set_num_threads(1)
