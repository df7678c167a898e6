"""How fast a device trains: seconds of a step kernel by kernel, as one graph, and of several networks side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]

from bench.cell import Budget, Match
from bench.doctor.finding import Finding
from bench.doctor.rightness import Findings
from bench.domains.plane import augmentation, image_shape
from bench.groups import Group
from bench.networks.matching import build, resolve
from bench.registry import families
from bench.train import Moves, Trainee
from bench.train.capture import captured
from bench.train.step import Step

SHAPE, BATCH, PARAMETERS = image_shape(1, 28, 10), 64, 25_000
NETWORKS = {
    "cnn": {},
    "gcnn": {"group": "C4"},
    "steerable": {"group": "C8"},
    "hnet": {},
    "et": {},
    "e2cnn": {"group": "C8"},
}
TOGETHER = 8


def speed(device: torch.device) -> Findings:
    """Milliseconds per network of a step of 64 images, fully rotated, and the share of them in kernels."""
    for family in NETWORKS:
        ways, counts = _ways(family, device)
        for way, seconds in _interleaved(ways, device).items():
            ms = 1e3 * statistics.median(seconds) / counts[way]
            yield Finding("speed", family, f"ms per network and step, {way}", ms)
        if device.type == "cuda":
            for way in list(ways)[1:]:
                share, launched = in_kernels(ways[way])
                yield Finding("speed", family, f"share of time in kernels, {way}", share)
                yield Finding("speed", family, f"kernels of a step and network, {way}", launched / counts[way])


def _ways(family: str, device: torch.device) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """Return steps by the way they are launched, and how many networks each trains."""
    alone = _step(family, 1, device)
    if device.type == "cpu":
        return {"alone": alone}, {"alone": 1}
    # a graph does not keep alive what it reads
    ways: dict[str, Callable[[], object]] = {"kernel by kernel": alone}
    counts = {"kernel by kernel": 1}
    for count in (1, TOGETHER):
        step = _step(family, count, device)
        way = f"{count} in a graph"
        ways[way], counts[way] = _Kept(step, captured(step)), count
    return ways, counts


class _Kept:
    """A replay with the step that it reads."""

    def __init__(self, step: Step, replay: Callable[[], object]) -> None:
        self.step, self.replay = step, replay

    def __call__(self) -> object:
        return self.replay()


def _step(family: str, count: int, device: torch.device) -> Step:
    entry = families[family]
    options = entry.options.model_validate(NETWORKS[family])
    architecture = resolve(entry, options, SHAPE, None, Match(by="parameters", target=PARAMETERS))
    moving = augmentation(Group.parse("SO(2)"), 1.0)
    moves = Moves(lambda step, size: moving.draw(size, 0, "augmentation", step), moving.move)
    images = moving.prepare(torch.rand(1000, 1, SHAPE.size, SHAPE.size, device=device))
    labels = torch.arange(1000, device=device) % SHAPE.outputs
    budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6)
    trainees = []
    for seed in range(count):
        network = build(entry, architecture.options, SHAPE, architecture.width, seed).placed(device)
        trainees.append(Trainee(network, images, labels, moves, budget, seed))
    step = Step(trainees, 2**16)
    step.load(0)  # of which the rows come again and again
    return step


def _interleaved(ways: dict[str, Callable[[], object]], device: torch.device) -> dict[str, list[float]]:
    """Return seconds per call of every way, taken in turns so that what slows one slows all."""
    rounds, each = (20, 20) if device.type == "cuda" else (5, 3)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for way, work in ways.items():
            began = _clock(device)
            for _ in range(each):
                work()
            if turn:
                seconds[way].append((_clock(device) - began) / each)
    return seconds


def in_kernels(work: Callable[[], object], calls: int = 32) -> tuple[float, float]:
    """Return the share of a stretch of calls in which any kernel ran, and the kernels per call."""
    spans: list[tuple[float, float]] = []
    for _ in range(2):  # the first one starts the profiler
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            for _ in range(calls):
                work()
            torch.cuda.synchronize()
        events = [event for event in profile.events() if event.device_type == DeviceType.CUDA]
        spans = sorted((event.time_range.start, event.time_range.end) for event in events)
    busy, end = 0.0, spans[0][0]
    for start, stop in spans:
        busy += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return busy / (end - spans[0][0]), len(spans) / calls


def _clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
