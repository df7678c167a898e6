"""A training step of `s2cnn` in its parts, beside its floors, and its transforms beside e3nn's dense grid.

``python -m tests.benchmarks.sphere_table [--device cuda]`` writes results/speed/sphere-<device>.csv, of which
docs/performance.md has the figures. Bandwidth 10, 20 channels, batches of 32, one thread on a CPU. Everything is timed
in turn within one run; figures are medians in milliseconds.

- parts: what the step of a middle block (degrees 10, from functions on SO(3) to functions on SO(3)) does, each forward
  and backward;
- floors: the FFTs of the block's grids alone, as the released code has them, and a plain network of the same FLOPs;
- e3nn: its dense matrix of Wigner's D on a grid of SO(3): bytes, seconds to make, a round trip. At degree 7, as degree
  11 takes 45 s and degree 15 minutes; the bytes at 15 follow from the shape that it has at 7 (2.7 GiB: REFERENCES.md).
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.cell import Match
from bench.domains.sphere import sphere_shape
from bench.domains.sphere.layers.blocks import SpectrumNorm
from bench.domains.sphere.layers.correlation import correlated
from bench.domains.sphere.layers.kernels import FullKernel, LocalKernel, ring_points
from bench.domains.sphere.transforms import _tables, on_rotations, rotation_spectrum
from bench.execute.allocator import keep_memory
from bench.gate.baseline import device_class
from bench.networks.matching import build, resolve
from bench.networks.size import count_flops
from bench.registry import families

BANDWIDTH, CHANNELS, BATCH = 10, 20, 32
ROUNDS = 15
FOLDER = Path("results/speed")


def timed(tasks: dict[str, Callable[[], object]], device: torch.device, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median milliseconds of each task, all of them taken in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for i in range(rounds + 2):
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if i >= 2:
                seconds[name].append(time.perf_counter() - began)
    return {name: 1000 * sorted(each)[rounds // 2] for name, each in seconds.items()}


def both(function: Callable[..., Tensor], *inputs: Tensor) -> Callable[[], None]:
    """Return a task that runs a function forward and backward."""
    outputs = function(*inputs)
    slope = torch.empty_like(outputs).copy_(torch.randn_like(outputs))

    def run() -> None:
        function(*inputs).backward(slope)

    return run


def parts(device: torch.device) -> dict[str, Callable[[], object]]:
    """Return the parts of a block's step, forward and backward."""
    side = 2 * BANDWIDTH
    values = torch.randn(side, side, side, BATCH, CHANNELS, device=device).permute(3, 4, 2, 1, 0)
    spectrum = rotation_spectrum(values, BANDWIDTH).detach().requires_grad_()
    grid = on_rotations(spectrum, BANDWIDTH).detach().requires_grad_()
    local = LocalKernel(CHANNELS, CHANNELS, BANDWIDTH, ring_points(1, 6, 18.0, 6)).to(device)
    full = FullKernel(CHANNELS, CHANNELS, BANDWIDTH, on_rotations=True).to(device)
    kernel = full().detach().requires_grad_()
    norm = SpectrumNorm(CHANNELS).to(device)
    return {
        "kernel, local": both(lambda: torch.view_as_real(local())),
        "kernel, full": both(lambda: torch.view_as_real(full())),
        "correlation": both(lambda x, y: correlated(x, y, BANDWIDTH), spectrum, kernel),
        "normalisation": both(norm, spectrum),
        "to the grid": both(lambda x: on_rotations(x, BANDWIDTH), spectrum),
        "rectifier": both(F.relu, grid),
        "from the grid": both(lambda x: rotation_spectrum(x, BANDWIDTH), grid),
    }


def floors(device: torch.device) -> dict[str, Callable[[], object]]:
    """Return the FFTs that a block of the released kind makes, forward and backward, and nothing else of it."""
    side = 2 * BANDWIDTH
    values = torch.randn(BATCH, CHANNELS, side, side, side, device=device)
    orders = torch.fft.rfft2(values)
    return {
        "FFTs to the grid": lambda: (torch.fft.irfft2(orders, (side, side)), torch.fft.rfft2(values)),
        "FFTs from the grid": lambda: (torch.fft.rfft2(values), torch.fft.irfft2(orders, (side, side))),
    }


def steps(device: torch.device) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """Return training steps of networks of three blocks, and the FLOPs of an example."""
    shape = sphere_shape(BANDWIDTH, 10, "classification")
    entry, plain = families["s2cnn"], families["sphere-cnn"]
    found: dict[str, Callable[[], object]] = {}
    flops: dict[str, int] = {}
    inputs = torch.randn(BATCH, 1, 2 * BANDWIDTH, 2 * BANDWIDTH, device=device)
    labels = torch.randint(10, (BATCH,), device=device)

    def step(network: nn.Module) -> Callable[[], None]:
        return lambda: F.cross_entropy(network(inputs), labels).backward()

    for kernel in ("local", "full"):
        options = entry.options.model_validate({"kernel": kernel, "channels": (1, 1, 1)})
        network = build(entry, options, shape, float(CHANNELS), seed=0)
        flops[f"s2cnn {kernel}"] = count_flops(network, shape)
        found[f"s2cnn {kernel}"] = step(network.placed(device).train())
        match = Match(by="flops", target=flops[f"s2cnn {kernel}"])
        same = resolve(plain, plain.options(), shape, None, match)
        twin = build(plain, same.options, shape, same.width, seed=0)
        flops[f"sphere-cnn, FLOPs of {kernel}"] = same.flops
        found[f"sphere-cnn, FLOPs of {kernel}"] = step(twin.placed(device).train())
    return found, flops


def grids(device: torch.device, degree: int) -> dict[str, float]:
    """Return the bytes, the seconds to make and a round trip in ms of 8 functions, of ours and of e3nn's dense grid."""
    from e3nn import o3

    began = time.perf_counter()
    theirs = o3.SO3Grid(degree, degree + 1).to(device)
    made = time.perf_counter() - began
    bandwidth = degree + 1
    _tables.cache_clear()
    began = time.perf_counter()
    tables = _tables(bandwidth, bandwidth, True, device)
    ours = time.perf_counter() - began
    numbers = torch.randn(8, 1, theirs.D.shape[-1], device=device)
    spectrum = rotation_spectrum(torch.randn(8, 1, *[2 * bandwidth] * 3, device=device), bandwidth)
    with torch.no_grad():
        trips = timed(
            {
                "theirs": lambda: theirs.from_grid(theirs.to_grid(numbers)),
                "ours": lambda: rotation_spectrum(on_rotations(spectrum, bandwidth), bandwidth),
            },
            device,
            rounds=3,
        )
    return {
        f"e3nn dense grid, degree {degree}, bytes": float(theirs.D.numel() * theirs.D.element_size()),
        f"our tables, degree {degree}, bytes": size_of(tables),
        f"e3nn dense grid, degree {degree}, seconds to make": made,
        f"our tables, degree {degree}, seconds to make": ours,
        f"e3nn round trip of 8, degree {degree}, ms": trips["theirs"],
        f"our round trip of 8, degree {degree}, ms": trips["ours"],
        "e3nn dense grid, degree 15, bytes by its shape": 4.0 * 64 * 32 * 64 * sum((2 * k + 1) ** 2 for k in range(16)),
        "our tables, degree 15, bytes": size_of(_tables(16, 16, True, device)),
    }


def size_of(tables: tuple[Tensor, ...]) -> float:
    return float(sum(each.numel() * each.element_size() for each in tables))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    device = torch.device(parser.parse_args().device)
    keep_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    networks, flops = steps(device)
    found = timed({**parts(device), **floors(device), **networks}, device)
    rows = [{"what": name, "value": value, "unit": "ms"} for name, value in found.items()]
    rows += [{"what": f"{name}, FLOPs of an example", "value": value, "unit": ""} for name, value in flops.items()]
    if importlib.util.find_spec("e3nn"):
        rows += [{"what": name, "value": value, "unit": ""} for name, value in grids(device, 7).items()]
    table = pd.DataFrame(rows).assign(torch=torch.__version__)
    print(table[["what", "value"]].to_string(index=False))
    FOLDER.mkdir(parents=True, exist_ok=True)
    table.to_csv(FOLDER / f"sphere-{device_class(device)}.csv", index=False)


if __name__ == "__main__":
    main()
