"""Memory of a step of WRN-16-4 and of its equivariant twin: MiB, in the JSON of pytest-benchmark (`tox -e bench`)."""

from __future__ import annotations

import subprocess
import sys

import pytest

STEP = """
import torch
from bench.domains.plane import image_shape
from bench.measure import peak_memory, reset_peak_memory
from bench.networks.matching import build
from bench.registry import families

entry = families["{family}"]
options = entry.options(channels=[1, 1, 2, 2, 4, 4], halve_before=[3, 5], stem=0.25)
network = build(entry, options, image_shape(3, 32, 10), 64, seed=0)
optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
reset_peak_memory(torch.device("cpu"))
for _ in range(2):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(network(torch.rand(64, 3, 32, 32)), torch.arange(64) % 10).backward()
    optimizer.step()
print(sum(each.numel() for each in network.parameters()), peak_memory(torch.device("cpu")))
"""


@pytest.mark.parametrize("family", ["wrn", "e2wrn"])
def test_a_step_of_wrn_16_4_fits_into_four_gibibytes(benchmark, family: str) -> None:
    benchmark.group = "two steps of 64 images in float32, in a process of their own"

    def step() -> str:
        command = [sys.executable, "-c", STEP.format(family=family)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    parameters, peak = map(int, benchmark.pedantic(step, rounds=1).split())
    benchmark.extra_info |= {"parameters": parameters, "peak MiB": peak // 2**20}
    assert peak < 4 * 2**30
