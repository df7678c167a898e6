"""A side of the gate's comparison in which one workload really takes longer: it waits, busily, for a share of its time.

``slowed_server.py DEVICE`` with the workload and the share in EQUIVAUG_SLOWED, such as ``step, hnet:0.1``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from bench.gate import server, workloads


def slowed(work: Callable[[], object], share: float) -> Callable[[], object]:
    """Return work that takes ``share`` longer than it does."""

    def slow() -> object:
        began = time.process_time()
        result = work()
        until = began + (time.process_time() - began) * (1 + share)
        while time.process_time() < until:
            pass
        return result

    return slow


def main() -> None:
    name, _, share = os.environ["EQUIVAUG_SLOWED"].rpartition(":")
    all_of_them = workloads.workloads

    def with_one_slowed() -> list[workloads.Workload]:
        return [
            replace(each, prepare=_slowly(each, float(share))) if each.name == name else each for each in all_of_them()
        ]

    workloads.workloads = with_one_slowed
    server.main(sys.argv[1])


def _slowly(each: workloads.Workload, share: float) -> Callable:
    def prepare(device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
        work, calibrate = each.prepare(device)
        return slowed(work, share), calibrate

    return prepare


if __name__ == "__main__":
    main()
