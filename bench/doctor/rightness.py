"""Whether a device gives right numbers: each check is a function of the device that yields findings."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.doctor.finding import Finding
from bench.doctor.subjects import BATCH, exact, network_and_inputs, some, subjects, trainee
from bench.execute.data import load_data
from bench.execute.inputs import all_moves
from bench.execute.job import run_cell
from bench.fitness import is_fit
from bench.geometry import domain
from bench.measure import equivariance_error
from bench.results.columns import WALL_CLOCK
from bench.train import UNMOVED, Trainee, autocast
from bench.train.capture import captured
from bench.train.step import Step

Findings = Iterator[Finding]
Check = Callable[[torch.device], Findings]


def gradients(device: torch.device) -> Findings:
    """Every family's gradients on the device against the CPU's in float32, all parameters as one vector.

    A maximum or a ReLU close to its edge makes a gradient jump. What inputs that differ by 1e-5 do on the CPU, where
    sums of another order and a resampling differ by about 1e-6, is the control: the device may do ten times as much. A
    derivative that is wrong is off by a large part of itself.
    """
    for label, cell in subjects().items():
        one = trainee(cell, torch.device("cpu"))
        truth = _slopes(one, contiguous=True)
        nudged = [_slopes(replace(one, inputs=_nudged(one.inputs, seed)), contiguous=True) for seed in range(5)]
        limits = {"float32": max(0.02, 10 * max(_distance(each, truth) for each in nudged)), "bfloat16": None}
        for precision, limit in limits.items():
            slopes = _slopes(trainee(cell, device, precision=precision))  # type: ignore[arg-type]
            yield Finding("gradients", label, f"error, {precision}", _distance(slopes, truth), limit)


def steps(device: torch.device) -> Findings:
    """Steps as one graph against the same steps kernel by kernel; on a CPU, twice the same."""
    torch.backends.cudnn.deterministic = True
    for label, cell in subjects().items():
        ways: tuple[tuple[Literal["adamw", "sgd"], int], ...] = (("adamw", 1), ("adamw", _few(device)), ("sgd", 2))
        for optimizer, total in ways:
            losses, is_graph, said = [], True, ""
            for attempt in range(2):
                torch.manual_seed(0)
                step = Step([trainee(cell, device, total, optimizer)], total)
                with contextlib.redirect_stderr(io.StringIO()) as messages:
                    advance = captured(step) if attempt and device.type == "cuda" else step
                step.load(0)
                for _ in range(total):
                    advance()
                losses.append(step.losses[0].cpu())
                is_graph, said = advance is not step, messages.getvalue()[:200]
            difference = _difference(losses[0], losses[1])
            way = f"{optimizer}, {total} steps"
            yield Finding(
                "steps", label, f"difference of losses, {way}", difference, 1e-4 if device.type == "cuda" else 0
            )
            yield Finding("steps", label, f"steps missing, {way}", abs(int(step.number) - total), 0)
            if device.type == "cuda":
                yield Finding("steps", label, f"not a graph, {way}", float(not is_graph), 0, said)


def recovery(device: torch.device) -> Findings:
    """A capture that fails leaves the stream as it was, and this process on its last piece of work."""
    if device.type != "cuda":
        return

    class Reads(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return features.flatten(1)[:, :10] * float(features.mean())

    cell = next(iter(subjects().values()))
    good = trainee(cell, device)
    bad = Trainee(
        nn.Sequential(Reads(), nn.Linear(10, 10)).to(device), good.inputs, good.targets, UNMOVED, good.budget, 0
    )
    before = torch.cuda.current_stream(device)
    step = Step([bad], 20)
    with contextlib.redirect_stderr(io.StringIO()):
        yield Finding("recovery", "host read", "captured all the same", float(captured(step) is not step), 0)
    yield Finding("recovery", "host read", "stream lost", float(torch.cuda.current_stream(device) != before), 0)
    yield Finding("recovery", "host read", "would take on more work", float(is_fit()), 0)


def waits(device: torch.device) -> Findings:
    """How often a step asks the device for a number, or makes a tensor on the host."""
    for label, cell in subjects().items():
        step = Step([trainee(cell, device)], 20)
        step.load(0)
        step()
        visits = HostVisits()
        with visits:
            step()
        yield Finding("waits", label, "visits of the host in a step", visits.count, 0, ", ".join(sorted(visits.names)))
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("error")
            try:
                step()
                said = ""
            except RuntimeError as error:
                said = str(error)[:200]
            torch.cuda.set_sync_debug_mode("default")
            yield Finding("waits", label, "waits for the device", float(bool(said)), 0, said)


class HostVisits(TorchDispatchMode):
    """Counts what a captured step may not do: reading a number from a tensor, making a tensor of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func).split(".")[1] if "." in str(func) else str(func)
        if name in ("_local_scalar_dense", "lift_fresh", "nonzero", "is_nonzero", "equal"):
            self.count += 1
            self.names.add(name)
        return func(*args, **(kwargs or {}))


def together(device: torch.device) -> Findings:
    """Networks that train beside one another against each alone; one that is broken leaves the others alone."""
    torch.backends.cudnn.deterministic = True
    for label, cell in subjects().items():
        alone = [_losses([trainee(cell, device, seed=seed)], device) for seed in (0, 1)]
        broken = trainee(cell, device, seed=2)
        with torch.no_grad():
            next(broken.network.parameters()).fill_(torch.nan)
        beside = _losses([trainee(cell, device, seed=0), broken, trainee(cell, device, seed=1)], device)
        expected = torch.cat(alone)
        difference = _difference(beside[[0, 2]], expected)
        limit = 1e-4 if device.type == "cuda" else 0
        yield Finding("together", label, "difference of losses", difference, None if _draws(cell) else limit)


def exactness(device: torch.device) -> Findings:
    """The equivariance error where it should be rounding: at quarter turns, and at boosts of 0.5."""
    for benchmark in (False, True) if device.type == "cuda" else (False,):
        torch.backends.cudnn.benchmark = benchmark
        for label, cell in exact(subjects()).items():
            shape = load_data(cell.dataset, cell.dataset_options).shape
            group = all_moves(cell, shape).group
            kept = group if group.keeps_grid else domain(cell.domain).group(str(group.on_grid))
            elements = kept.probes({"rotation": (90.0,), "boost": (0.5,)})
            each = trainee(cell, device)
            examples = network_and_inputs(cell, device)[1].upright[0][:64]
            for stage in ("init", "trained"):
                if stage == "trained":
                    _losses([each], device)
                rows = equivariance_error(each.network, examples, elements)  # type: ignore[arg-type]
                error = max(row["error"] for row in rows if row["layer"] == "output")
                way = f"error, {stage}" + (", cudnn.benchmark" if benchmark else "")
                yield Finding("exactness", label, way, error, 2e-5)


def resampling(device: torch.device) -> Findings:
    """Inputs moved on the device against the CPU, in units of their largest number."""
    for label, cell in {cell.domain: cell for cell in subjects().values()}.items():
        moved = []
        for place in (torch.device("cpu"), device):
            one = trainee(cell, place)
            drawn = [each.to(place) for each in one.moves.draw(0, BATCH)]
            moved.append(one.moves.apply(one.inputs[:BATCH], one.targets[:BATCH], *drawn)[0].cpu())
        yield Finding("resampling", label, "difference", _difference(moved[1], moved[0]), 1e-4)


def repeats(device: torch.device) -> Findings:
    """One cell twice: on a CPU every number is the same; on a GPU cudnn's sums may differ, and so do numbers."""
    for label, cell in some(subjects(), ("cnn", "steerable C8", "emlp")).items():
        first, again = (run_cell(cell, str(device), "shared") for _ in range(2))
        for record in (first, again):
            reason = str(record.run["reason"] or "")
            yield Finding("repeats", label, "not done", float(record.run["status"] != "done"), 0, reason)
        both = [
            (first.run[name], again.run[name])
            for name in first.run
            if name not in WALL_CLOCK and isinstance(first.run[name], (int, float)) and name in again.run
        ]
        difference = max((abs(one - other) for one, other in both if np.isfinite([one, other]).all()), default=0.0)
        yield Finding(
            "repeats", label, "largest difference of a number", difference, 0 if device.type == "cpu" else None
        )


CHECKS: tuple[Check, ...] = (gradients, steps, recovery, waits, together, exactness, resampling, repeats)


def _slopes(each: Trainee, contiguous: bool = False) -> Tensor:
    """Return the gradient of all parameters in one vector, in float64 on the CPU; dropout is off."""
    network = copy.deepcopy(each.network).train()
    if contiguous:
        network = network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    inputs, targets = each.moves.apply(each.inputs[:BATCH], each.targets[:BATCH], *_still(each))
    with autocast(each.budget, inputs.device):
        outputs = network(inputs)
    each.task.loss(outputs.float(), targets, "mean").backward()
    slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()]
    return torch.cat([slope.double().cpu().flatten() for slope in slopes])


def _still(each: Trainee) -> list[Tensor]:
    """Return the moves of the first step, on the device."""
    return [drawn.to(each.inputs.device) for drawn in each.moves.draw(0, BATCH)]


def _few(device: torch.device) -> int:
    """Return a number of steps: enough for a graph to be replayed, as many as take no time elsewhere."""
    return 20 if device.type == "cuda" else 3


def _nudged(inputs: Tensor, seed: int) -> Tensor:
    """Return inputs of which each differs by about 1e-5 of itself."""
    return inputs * (1 + 1e-5 * torch.randn(inputs.shape, generator=torch.Generator().manual_seed(seed)))


def _distance(values: Tensor, expected: Tensor) -> float:
    return float((values - expected).norm() / expected.norm())


def _difference(values: Tensor, expected: Tensor) -> float:
    """Return the largest difference in units of the largest number; where both diverged there is none."""
    both = values.nan_to_num(), expected.nan_to_num()
    return float((both[0] - both[1]).abs().max() / both[1].abs().max().clamp(min=1e-30))


def _losses(trainees: list[Trainee], device: torch.device) -> Tensor:
    """Train, as a graph where the device has such; return the losses (n, steps)."""
    total = _few(device)
    step = Step(trainees, total)
    with contextlib.redirect_stderr(io.StringIO()):
        advance = captured(step) if device.type == "cuda" else step
    step.load(0)
    for _ in range(total):
        advance()
    return step.losses.cpu()


def _draws(cell: Any) -> bool:
    """Whether a family has dropout, whose numbers come from one stream for all networks that train together."""
    network = network_and_inputs(cell, torch.device("cpu"))[0]
    return any(isinstance(module, nn.modules.dropout._DropoutNd) and module.p for module in network.modules())
