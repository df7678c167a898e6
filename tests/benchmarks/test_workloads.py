"""What the gate judges, as a table of times: each workload in a group with its calibration (`tox -e bench`)."""

from __future__ import annotations

import pytest
import torch

from bench.gate.workloads import workloads

CPU = torch.device("cpu")
WORKLOADS = {workload.name: workload for workload in workloads()}


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("which", ["1 calibration", "2 workload"])
def test_workload(benchmark, name: str, which: str) -> None:
    benchmark.group = name
    work, calibrate = WORKLOADS[name].prepare(CPU)
    benchmark.pedantic(work if "workload" in which else calibrate, rounds=10, warmup_rounds=2)
