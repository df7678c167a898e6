"""Times that mean something on a machine that does other things too: as ratios to a calibration a moment away."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from bench.gate.judgement import half_width
from bench.gate.workloads import Workload

ROUNDS = 30
MOST_ROUNDS = 150
PRECISE = 0.015
"""Half of the interval's relative width at which no more rounds are run."""


def sample(workload: Workload, device: torch.device, rounds: int = ROUNDS, most: int = MOST_ROUNDS) -> np.ndarray:
    """Return the ratios (n,) of a workload's time to its calibration's, one per round.

    A round is a calibration, the work, and a calibration: the work is divided by the mean of its neighbours, so that
    what slows both cancels. More rounds follow until the interval of the median is narrow, or ``most`` have been run.
    """
    work, calibrate = workload.prepare(device)
    for _ in range(3):
        work()
        calibrate()
    ratios: list[float] = []
    before = _seconds(calibrate, device)
    while len(ratios) < rounds or (len(ratios) < most and half_width(np.array(ratios)) > PRECISE):
        for _ in range(rounds // 3):
            during, after = _seconds(work, device), _seconds(calibrate, device)
            ratios.append(2 * during / (before + after))
            before = after
    return np.array(ratios)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
