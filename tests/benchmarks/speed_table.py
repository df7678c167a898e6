"""The speed of this machine beside its floor and its peers, in one table: results/speed/<device>.parquet and .csv.

``python -m tests.benchmarks.speed_table [--device cuda]`` fills a column of docs/performance.md. What is compared is
interleaved in one run; every figure is a median, with the quartiles beside it.

- floor: a plain network of the same convolutions, torch's own layers, in the same training step and precision;
- e2cnn in our trainer: the same architecture from the library, in the same training step, float32;
- e2cnn by itself: the same in an ordinary eager loop, float32, as its users run it; the whole loop has a DataLoader
  with two worker processes that rotate image by image with PIL, and all threads of the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from bench.cell import Budget, Match
from bench.doctor.speed import in_kernels
from bench.domains.plane import augmentation, image_shape
from bench.domains.plane.models.cnn import plain_block
from bench.domains.plane.models.planar import PlanarOptions, planar_network
from bench.execute.settle import settle
from bench.gate.baseline import device_class
from bench.groups import FieldType, Group
from bench.measure import score
from bench.networks.counts import counts
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.registry import families
from bench.run import default_together
from bench.train import UNMOVED, Moves, Trainee, fit_together, precision
from bench.train.capture import captured
from bench.train.step import Step

SHAPE, BATCH = image_shape(1, 28, 10), 64
FOLDER = Path("results/speed")
# family, its options, those of the same architecture in e2cnn, parameters
ARCHITECTURES: dict[str, tuple[str, dict[str, Any], dict[str, Any], int]] = {
    "gcnn p4, small": ("gcnn", {"group": "C4"}, {"group": "C4", "kernel_sizes": (3,)}, 25_000),
    "steerable C8, small": ("steerable", {"group": "C8"}, {"group": "C8"}, 25_000),
    "steerable C4 of 10 fields": ("steerable", {"group": "C4", "channels": (10,) * 6}, {"group": "C4"}, 0),
    "gcnn p4, wide": ("gcnn", {"group": "C4"}, {"group": "C4", "kernel_sizes": (3,)}, 100_000),
    "steerable C8, wide": ("steerable", {"group": "C8"}, {"group": "C8"}, 100_000),
}


def networks(label: str, device: torch.device) -> dict[str, Callable[[], Network]]:
    """Return makers of ours, its floor, and e2cnn's, all of the same channels."""
    family, options, theirs, parameters = ARCHITECTURES[label]
    entry, peer = families[family], families["e2cnn"]
    made = entry.options.model_validate(options)
    width = 1.0
    if parameters:
        architecture = resolve(entry, made, SHAPE, None, Match(by="parameters", target=parameters))
        made, width = architecture.options, architecture.width
    channels = counts(made.channels, width)
    peer_options = peer.options.model_validate({**theirs, "channels": tuple(map(float, channels))})
    order = Group.parse(made.group).order
    widths = iter(channels)
    skeleton = PlanarOptions(channels=made.channels, kernel_sizes=made.kernel_sizes)

    def floor() -> Network:
        return planar_network(
            Group(1),
            SHAPE,
            skeleton,
            width,
            fields=lambda _: FieldType.scalars(Group(1), order * next(widths)),
            block=plain_block,
            invariants=lambda last: (nn.Identity(), last.channels),
        )

    makers: dict[str, Callable[[], Network]] = {
        "ours": lambda: build(entry, made, SHAPE, width, 0),
        "floor": floor,
        "e2cnn": lambda: build(peer, peer_options, SHAPE, 1.0, 0),
    }

    def placed(make: Callable[[], Network]) -> Callable[[], Network]:
        return lambda: make().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    return {name: placed(make) for name, make in makers.items()}


def trainer_step(network: Network, chosen: str, device: torch.device) -> Callable[[], object]:
    """Return our training step of a network, captured where the device can."""
    images, labels = torch.rand(BATCH, 1, 28, 28, device=device), torch.arange(BATCH, device=device) % 10
    budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6, precision=chosen)
    step = Step([Trainee(network, images, labels, UNMOVED, budget, 0)], 2**16)
    step.load(0)
    return captured(step) if device.type == "cuda" else step


def ordinary_step(network: Network, device: torch.device) -> Callable[[], object]:
    """Return the eager loop of a tutorial: float32, torch's default layout."""
    network = _as_its_users_run_it(network).train()
    images, labels = torch.rand(BATCH, 1, 28, 28, device=device), torch.arange(BATCH, device=device) % 10
    optimizer = torch.optim.Adam(network.parameters())

    def step() -> object:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _as_its_users_run_it(network: Network) -> Network:
    """Return a network in torch's default layout, which takes images as they come."""
    network.arrange = lambda images: images
    return network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload,no-any-return]


def steps(device: torch.device, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds of a training step, everything that is compared one after the other in every round."""
    auto = precision(Budget(steps=1), device)
    for label in ARCHITECTURES:
        make = networks(label, device)
        ways = {
            ("ours", "our trainer", "float32"): trainer_step(make["ours"](), "float32", device),
            ("floor", "our trainer", "float32"): trainer_step(networks(label, device)["floor"](), "float32", device),
            ("e2cnn", "our trainer", "float32"): trainer_step(make["e2cnn"](), "float32", device),
            ("e2cnn", "by itself", "float32"): ordinary_step(make["e2cnn"](), device),
        }
        if auto != "float32":
            ways[("ours", "our trainer", auto)] = trainer_step(make["ours"](), auto, device)
            ways[("floor", "our trainer", auto)] = trainer_step(networks(label, device)["floor"](), auto, device)
        few = rounds if label.endswith("small") else max(rounds // 3, 3)
        for way, seconds in interleaved(ways, device, few).items():
            yield row("training step", label, way, seconds, "s")


def interleaved(ways: dict[Any, Callable[[], object]], device: torch.device, rounds: int) -> dict[Any, list[float]]:
    """Return the seconds of every way, ``rounds`` times in turn, each time of a few steps after an untimed one."""
    at_a_time = 3 if device.type == "cpu" else 32
    found: dict[Any, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            work()
            _wait(device)
            began = time.perf_counter()
            for _ in range(at_a_time):
                work()
            _wait(device)
            found[way].append((time.perf_counter() - began) / at_a_time)
    return found


def row(measure: str, label: str, way: tuple[str, str, str], values: list[float], unit: str) -> dict[str, Any]:
    """Return a row of the table from values that were measured."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    names = dict(zip(("who", "how", "precision"), way, strict=True))
    return {
        **{"measure": measure, "architecture": label, **names, "value": middle, "low": low, "high": high},
        **{"unit": unit, "rounds": len(values)},
    }


# the whole loop


class Rotated(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Images that a worker process rotates one by one, as tutorials do."""

    def __init__(self, count: int) -> None:
        self.images = (np.random.default_rng(0).random((count, 28, 28)) * 255).astype(np.uint8)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        angle = float(np.random.uniform(-180, 180))  # noqa: NPY002 - as tutorials do
        turned = Image.fromarray(self.images[place]).rotate(angle, Image.Resampling.BILINEAR)
        return torch.from_numpy(np.asarray(turned, dtype=np.float32) / 255)[None], place % 10


def loop_of_e2cnn(label: str, device: torch.device, count: int) -> float:
    """Return the images per second of an ordinary training with e2cnn."""
    network = _as_its_users_run_it(networks(label, device)["e2cnn"]()).train()
    optimizer = torch.optim.Adam(network.parameters())
    loader = torch.utils.data.DataLoader(Rotated((count + 5) * BATCH), BATCH, shuffle=True, num_workers=2)
    began = 0.0
    for place, (images, labels) in enumerate(loader):
        if place == 5:  # the workers have started
            _wait(device)
            began = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(network(images.to(device)), labels.to(device)).backward()
        optimizer.step()
    _wait(device)
    return count * BATCH / (time.perf_counter() - began)


def our_loop(label: str, device_name: str, count: int, ready: Any, queue: Any) -> None:
    """Put on a queue the images per second of what trains at once, and the seconds in which all score 2,000 images."""
    device = torch.device(device_name)
    settle(device)
    images, labels = torch.rand(2000, 1, 28, 28, device=device), torch.arange(2000, device=device) % 10
    moving = augmentation(Group.parse("SO(2)"), 1.0)
    moves = Moves(lambda step, size: moving.draw(size, 0, "augmentation", step), moving.move)
    budget = Budget(steps=count, batch_size=BATCH, evaluations=1)
    ours = [networks(label, device)["ours"]() for _ in range(default_together(device_name))]
    trainees = [Trainee(network, images, labels, moves, budget, seed) for seed, network in enumerate(ours)]
    ready.wait()
    seconds = fit_together(trainees, [lambda _: (0.0, 0.0)] * len(ours))[0].seconds
    _wait(device)
    began = time.perf_counter()
    for network in ours:
        score(network, images, labels)
    _wait(device)
    queue.put((len(ours) * count * BATCH / seconds, time.perf_counter() - began))


def loops(device: torch.device, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the images per second of whole training loops: ours as `equivaug run` trains, theirs with one process.

    That is a cell per core of a CPU, and on a GPU eight in one graph.
    """
    processes = os.cpu_count() or 1 if device.type == "cpu" else 1
    cells = processes * default_together(str(device))
    auto = precision(Budget(steps=1), device)
    threads = torch.get_num_threads()
    for label in ("gcnn p4, small", "steerable C8, small"):
        ours, theirs, scoring, their_scoring = [], [], [], []
        for _ in range(rounds):
            context = multiprocessing.get_context("spawn")
            ready, queue = context.Barrier(processes), context.Queue()
            workers = [
                context.Process(target=our_loop, args=(label, str(device), count, ready, queue))
                for _ in range(processes)
            ]
            for worker in workers:
                worker.start()
            found = [queue.get() for _ in workers]
            for worker in workers:
                worker.join()
            ours.append(sum(speed for speed, _ in found))
            scoring.append(float(np.mean([seconds for _, seconds in found])))
            torch.set_num_threads(os.cpu_count() or 1)
            theirs.append(loop_of_e2cnn(label, device, count // 2))
            network = _as_its_users_run_it(networks(label, device)["e2cnn"]())
            images, labels = torch.rand(2000, 1, 28, 28, device=device), torch.arange(2000, device=device) % 10
            began = time.perf_counter()
            score(network, images, labels)
            their_scoring.append(time.perf_counter() - began)
            torch.set_num_threads(threads)
        yield row("whole loop, full rotations", label, ("ours", f"{cells} cells at once", auto), ours, "images/s")
        yield row("whole loop, full rotations", label, ("e2cnn", "by itself", "float32"), theirs, "images/s")
        for who, speeds, scorings, at_once, chosen in (
            (("ours", f"{cells} cells at once"), ours, scoring, cells, auto),
            (("e2cnn", "by itself"), theirs, their_scoring, 1, "float32"),
        ):
            hourly = [cells_per_hour(*each, at_once) for each in zip(speeds, scorings, strict=True)]
            yield row("cells of mnist-rot, from its parts", label, (*who, chosen), hourly, "cells/h")


def cells_per_hour(speed: float, scoring: float, at_once: int) -> float:
    """Return the cells of mnist-rot per hour from images per second of all cells and the seconds of scoring 2,000.

    A cell is 6,000 steps, 20 evaluations of 2 x 2,000 images and, at its end, 3 x 2,000 and 2 x 10,000.
    """
    return at_once * 3600 / (6000 * BATCH * at_once / speed + (20 * 2 + 3 + 10) * scoring)


def together(device: torch.device, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds per network and step of networks that train beside one another, and of one alone."""
    auto = precision(Budget(steps=1), device)
    for family, options in (("cnn", {}), ("gcnn", {"group": "C4"}), ("steerable", {"group": "C8"})):
        entry = families[family]
        made = resolve(entry, entry.options.model_validate(options), SHAPE, None, Match(by="parameters", target=25_000))
        ways = {}
        for count in (1, 4, 8):
            budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6)
            images, labels = torch.rand(BATCH, 1, 28, 28, device=device), torch.arange(BATCH, device=device) % 10
            trainees = []
            for seed in range(count):
                network = build(entry, made.options, SHAPE, made.width, seed).to(device)
                network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                trainees.append(Trainee(network, images, labels, UNMOVED, budget, seed))
            step = Step(trainees, 2**16)
            step.load(0)
            ways[("ours", f"{count} networks", auto)] = captured(step) if device.type == "cuda" else step
        for way, seconds in interleaved(ways, device, rounds).items():
            share = [each / int(way[1].split()[0]) for each in seconds]
            yield row("training step, per network", family, way, share, "s")


def shares_in_kernels(device: torch.device) -> Iterator[dict[str, Any]]:
    """Yield the share of the time that a GPU spends in kernels while a small network trains."""
    auto = precision(Budget(steps=1), device)
    for label in ("gcnn p4, small", "steerable C8, small"):
        share, _ = in_kernels(trainer_step(networks(label, device)["ours"](), auto, device))
        yield row("share of time in kernels", label, ("ours", "our trainer", auto), [share], "share")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=120, help="of the whole loops")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    found = list(loops(device, arguments.steps, 3))
    settle(device)
    found += steps(device, arguments.rounds)
    found += together(device, max(arguments.rounds // 3, 3))
    if device.type == "cuda":
        found += shares_in_kernels(device)
    table = pd.DataFrame(found)
    table.insert(0, "device", device_class(device))
    table["torch"], table["threads"] = torch.__version__, torch.get_num_threads()
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{device_class(device)}.parquet"
    table.to_parquet(path)
    table.to_csv(path.with_suffix(".csv"), index=False, float_format="%.6g")
    print(table.drop(columns=["device", "torch", "threads"]).to_string(float_format="%.4g"))
    print(path)


if __name__ == "__main__":
    main()
