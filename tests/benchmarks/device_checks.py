"""What only a GPU can show, in one command: `python -m tests.benchmarks.device_checks OUT [check ...]`.

Every check runs in a process of its own, as one that fails may leave the device unusable, and writes its rows as JSON
lines to ``OUT/checks.jsonl``; what it raised is a row too. The checks follow one another from what everything needs
(every family runs, forward and backward) to what is only nice (speed).
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bench.cell import Budget, Match
from bench.domains.plane import augmentation, image_shape
from bench.execute.settle import settle
from bench.gate import workloads
from bench.geometry import Augmentation
from bench.groups import Element, Group, prefiltered, transform_prefiltered
from bench.measure import equivariance_error
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.registry import families
from bench.train import UNMOVED, Moves, Trainee, autocast
from bench.train.capture import captured
from bench.train.step import BLOCK, Step

SHAPE, BATCH = image_shape(1, 28, 10), 64
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    **workloads.NETWORKS,
    "z2cnn": ("z2cnn", {}),
    "p4cnn": ("p4cnn", {}),
    "e2cnn C8": ("e2cnn", {"group": "C8"}),
}
PUBLISHED = ("z2cnn", "p4cnn")
"""Families of a published size, which is not matched."""

LIMIT = 110
"""Seconds that a check may take."""

Rows = Iterator[dict[str, Any]]


def network(label: str, parameters: int = 10_000, seed: int = 0) -> Network:
    family, options = NETWORKS[label]
    entry = families[family]
    match = None if family in PUBLISHED else Match(by="parameters", target=parameters)
    checked = entry.options.model_validate(options)
    found = resolve(entry, checked, SHAPE, None if match else 1.0, match)
    return build(entry, found.options, SHAPE, found.width, seed)


def inputs(count: int = BATCH) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.rand(count, 1, 28, 28, generator=draw), torch.arange(count) % 10


def on_cuda(model: nn.Module) -> nn.Module:
    return model.to("cuda").to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def trainee(label: str, budget: Budget, moving: Augmentation | None, parameters: int = 10_000) -> Trainee:
    images, labels = (each.cuda() for each in inputs(1000))
    moves = UNMOVED
    if moving:
        images = moving.prepare(images)
        moves = Moves(lambda step, count: moving.draw(count, 0, "augmentation", step), moving.move)
    return Trainee(on_cuda(network(label, parameters)), images, labels, moves, budget, 0)


def forward_and_backward() -> Rows:
    """Every family's gradients on the device and on the CPU, in either layout, against the CPU in float32."""
    images, labels = inputs()
    places = (("cpu", False), ("cpu", True), ("cuda", False), ("cuda", True))
    for label in NETWORKS:
        truth = loss_and_slopes(network(label), images, labels)
        for device, channels_last in places:
            for precision in ("float32", "bfloat16"):
                model = network(label).to(device)
                if channels_last:
                    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                found = loss_and_slopes(model, images.to(device), labels.to(device), precision)
                errors = [float((a - b).norm() / b.norm()) for a, b in zip(found, truth, strict=True)]
                names = [name for name, _ in model.named_parameters()]
                worst = max(range(len(names)), key=lambda place: errors[place])
                whole = [torch.cat([each.flatten() for each in side]) for side in (found, truth)]
                yield {
                    "network": label,
                    "device": device,
                    "channels last": channels_last,
                    "precision": precision,
                    "gradients": float((whole[0] - whole[1]).norm() / whole[1].norm()),
                    "worst": names[worst],
                    "worst error": errors[worst],
                }


def loss_and_slopes(
    model: nn.Module, images: Tensor, labels: Tensor, precision: Literal["float32", "bfloat16"] = "float32"
) -> list[Tensor]:
    """Return the gradient of every parameter, in float64 on the CPU; dropout is off, normalisation trains."""
    model.train()
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.eval()
    with autocast(Budget(steps=1, precision=precision), images.device):
        out = model(images)
    nn.functional.cross_entropy(out.to(images.dtype), labels).backward()
    return [torch.zeros(1) if p.grad is None else p.grad.double().cpu() for p in model.parameters()]


def capture() -> Rows:
    """Whether a step becomes a graph, and whether replays train as steps do."""
    torch.backends.cudnn.deterministic = True
    rotations = augmentation(Group.parse("SO(2)"), 1.0, "spline", "disc")
    for label in NETWORKS:
        for optimizer, total in (("adamw", 1), ("adamw", 20), ("sgd", 20)):
            budget = Budget(steps=total, batch_size=BATCH, optimizer=optimizer, precision="float32", lr=1e-3)
            losses, told = [], ""
            for way in ("steps", "graph"):
                torch.manual_seed(0)
                step = Step([trainee(label, budget, rotations)], total)
                with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(io.StringIO()) as said:
                    warnings.simplefilter("always")
                    advance = captured(step) if way == "graph" else step
                    step.load(0)
                    for _ in range(total):
                        advance()
                torch.cuda.synchronize()
                losses.append(step.losses[0].cpu())
                told = said.getvalue() + " ".join(str(each.message) for each in caught)
            yield {
                "network": label,
                "optimizer": optimizer,
                "steps": total,
                "is graph": advance is not step,
                "number": int(step.number),
                "loss difference": float((losses[0] - losses[1]).abs().max()),
                "told": told[:300],
            }


def resampling() -> Rows:
    """The spline on the device against the CPU, and what it adds to a captured step."""
    images = inputs()[0]
    turns, mirrors = Group.parse("O(2)").sample(1.0, BATCH, torch.Generator().manual_seed(0))
    for way in ("spline", "bilinear"):
        found = [
            transform_prefiltered(prefiltered(images.to(d), way), turns.to(d), mirrors.to(d), way, True).cpu()  # type: ignore[arg-type]
            for d in ("cpu", "cuda")
        ]
        yield {"resampling": way, "difference": float((found[0] - found[1]).abs().max())}
    for label in ("cnn", "gcnn C4", "steerable C8"):
        ways, steps = {}, []
        for way in ("spline", "bilinear"):
            budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6)
            step = Step([trainee(label, budget, augmentation(Group.parse("SO(2)"), 1.0, way, "disc"))], 2**16)  # type: ignore[arg-type]
            ways[way] = captured(step)
            step.load(0)
            steps.append(step)  # a graph does not keep alive what it reads
        seconds = interleaved(ways, 40)
        ratios = [a / b for a, b in zip(seconds["spline"], seconds["bilinear"], strict=True)]
        yield {
            "network": label,
            "spline ms": 1e3 * statistics.median(seconds["spline"]),
            "bilinear ms": 1e3 * statistics.median(seconds["bilinear"]),
            "ratio": statistics.median(ratios),
        }


def failed_capture() -> Rows:
    """A capture that fails leaves the stream and the next capture in order."""
    budget = Budget(steps=20, batch_size=BATCH, precision="float32")

    class Reads(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :10] * float(images.mean())

    images, labels = (each.cuda() for each in inputs())
    layer = nn.Sequential(Reads(), nn.Linear(10, 10)).cuda()
    before = torch.cuda.current_stream()
    bad = Step([Trainee(layer, images, labels, UNMOVED, budget, 0)], 20)
    was_graph = captured(bad) is not bad
    good = Step([trainee("cnn", budget, None)], 20)
    advance = captured(good)
    good.load(0)
    for _ in range(20):
        advance()
    torch.cuda.synchronize()
    yield {
        "bad is graph": was_graph,
        "stream restored": torch.cuda.current_stream() == before,
        "good is graph": advance is not good,
        "good number": int(good.number),
    }


def equivariance() -> Rows:
    """The error at 90 degrees on the device, in float32, with and without cudnn's own choice of algorithms."""
    images = inputs(128)[0].cuda()
    for benchmark in (False, True):
        torch.backends.cudnn.benchmark = benchmark
        for label in NETWORKS:
            model = on_cuda(network(label)).eval()
            rows = equivariance_error(model, images, [Element.rotation(90)])  # type: ignore[arg-type]
            output = next(row for row in rows if row["layer"] == "output")
            yield {"network": label, "cudnn.benchmark": benchmark, "error": output["error"], "max": output["error_max"]}


def synchronisation() -> Rows:
    """A block of steps that never waits for the device."""
    rotations = augmentation(Group.parse("SO(2)"), 1.0, "spline", "disc")
    for label in NETWORKS:
        step = Step([trainee(label, Budget(steps=BLOCK, batch_size=BATCH), rotations)], BLOCK)
        step.load(0)
        step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(10):
                step()
            told = ""
        except RuntimeError as error:
            told = str(error)[:200]
        torch.cuda.set_sync_debug_mode("default")
        yield {"network": label, "waits": bool(told), "told": told}


def together() -> Rows:
    """Networks side by side against each alone."""
    torch.backends.cudnn.deterministic = True
    for label in ("cnn", "gcnn C4", "steerable C8", "hnet"):
        for precision in ("float32", "bfloat16"):
            budget = Budget(steps=10, batch_size=BATCH, precision=precision, lr=1e-3)

            def of(seeds: list[int], budget: Budget = budget, label: str = label) -> Tensor:
                images, labels = (each.cuda() for each in inputs(1000))
                made = [Trainee(on_cuda(network(label, seed=s)), images, labels, UNMOVED, budget, s) for s in seeds]
                step = Step(made, 10)
                step.load(0)
                for _ in range(10):
                    step()
                return step.losses.cpu()

            alone, beside = torch.cat([of([0]), of([1])]), of([0, 1])
            yield {"network": label, "precision": precision, "loss difference": float((alone - beside).abs().max())}


def speed() -> Rows:
    """Seconds of a step: kernel by kernel, as one graph, eight networks as one; beside e2cnn."""
    for label in ("cnn", "gcnn C4", "steerable C8", "hnet", "et"):
        ways: dict[str, Callable[[], object]] = {}
        budget = Budget(steps=2**16, batch_size=BATCH, schedule="constant", lr=1e-6)
        rotations = augmentation(Group.parse("SO(2)"), 1.0, "spline", "disc")
        eager = Step([trainee(label, budget, rotations, 25_000)], 2**16)
        alone = Step([trainee(label, budget, rotations, 25_000)], 2**16)
        ways["kernel by kernel"], ways["one graph"] = eager, captured(alone)
        steps = [eager, alone]
        with contextlib.suppress(Exception):
            eight = Step([trainee(label, budget, rotations, 25_000) for _ in range(8)], 2**16)
            ways["8 networks, one graph"] = captured(eight)
            steps.append(eight)
        if label == "steerable C8":
            plain = budget.model_copy(update={"precision": "float32"})
            ways["e2cnn, kernel by kernel"] = Step([trainee("e2cnn C8", plain, rotations, 25_000)], 2**16)
            steps.append(ways["e2cnn, kernel by kernel"])  # type: ignore[arg-type]
        for step in steps:
            step.load(0)
        for way, seconds in interleaved(ways, 30).items():
            count = 8 if way.startswith("8") else 1
            yield {"network": label, "way": way, "ms per network": 1e3 * statistics.median(seconds) / count}


def cells() -> Rows:
    """Whole cells of every family, as `equivaug run` has them, alone and eight at a time, one of them twice."""
    from bench.execute.data import load_data
    from bench.execute.job import run_cells
    from bench.suite import cells as expanded
    from bench.suite import data_choices, parse

    suite = parse(
        {
            "name": "device",
            "data": {"name": "digits", "train_sizes": [1000]},
            "augmentation": {"strengths": [1]},
            "families": [
                {"family": family, **({"width": 1} if family in PUBLISHED else {}), **options}
                for family, options in NETWORKS.values()
            ],
            "match": {"by": "parameters", "target": 10_000},
            "budget": {"steps": 300, "lr": 0.01, "evaluations": 4},
            "seeds": 8,
            "measure": {"orbit": True},
        }
    )
    (choice,) = data_choices(suite)
    planned = [cell for _, cell in expanded(suite, choice, load_data("digits", choice.options.model_dump()).revision)]
    columns = ("status", "reason", "test_score", "transformed_score", "exact_score", "resampled_score")
    for family in dict.fromkeys(cell.family for cell in planned):
        alike = [cell for cell in planned if cell.family == family]
        for way, chosen in (("alone", alike[:1]), ("alone again", alike[:1]), ("eight", alike)):
            began = time.perf_counter()
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                records = run_cells(chosen, "cuda", "shared")
            seconds = (time.perf_counter() - began) / len(chosen)
            run = records[0].run
            row = {column: run.get(column) for column in columns}
            row |= {"equivariance error": run.get("equivariance_error_mean"), "train seconds": run.get("train_seconds")}
            row |= {"statuses": sorted({record.status for record in records}), "told": said.getvalue()[:200]}
            yield {"family": family, "way": way, "seconds per cell": seconds, **row}


CHECKS: dict[str, Callable[[], Rows]] = {
    check.__name__: check
    for check in (
        forward_and_backward,
        capture,
        resampling,
        failed_capture,
        equivariance,
        synchronisation,
        together,
        speed,
        cells,
    )
}


def interleaved(ways: dict[str, Callable[[], object]], rounds: int, each: int = 20) -> dict[str, list[float]]:
    """Return seconds per call of every way, taken in turns so that what slows one slows all."""
    found: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 2):
        for way, work in ways.items():
            torch.cuda.synchronize()
            began = time.perf_counter()
            for _ in range(each):
                work()
            torch.cuda.synchronize()
            if turn >= 2:
                found[way].append((time.perf_counter() - began) / each)
    return found


def write(out: Path, check: str, row: dict[str, Any]) -> None:
    with (out / "checks.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"check": check, **row}) + "\n")


def run(out: Path, check: str) -> None:
    """Run one check in this process."""
    began = time.perf_counter()
    settle(torch.device("cuda:0"))
    try:
        for row in CHECKS[check]():
            write(out, check, row)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        write(out, check, {"raised": f"{type(error).__name__}: {error}"[:300], "at": f"{last.filename}:{last.lineno}"})
    write(out, check, {"seconds": round(time.perf_counter() - began, 1)})


def main() -> None:
    out, *chosen = sys.argv[1:]
    folder = Path(out)
    if len(chosen) == 1:
        run(folder, chosen[0])
        return
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    write(folder, "device", {"device": device, "torch": torch.__version__, "python": sys.version.split()[0]})
    for check in chosen or CHECKS:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([sys.executable, "-m", __spec__.name, out, check], timeout=LIMIT, check=False)
        print(f"{check}: done", flush=True)


if __name__ == "__main__":
    main()
