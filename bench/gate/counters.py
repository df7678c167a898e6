"""What does not depend on the clock: operations, operator calls, memory, and what a tiny training ends in."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from bench.cell import Budget
from bench.domains.plane import image_shape
from bench.execute.data import load_data
from bench.gate.judgement import Outcome, Verdict
from bench.gate.workloads import NETWORKS, images, network, step_of
from bench.groups import Element, Group
from bench.measure import equivariance_error
from bench.measure.performance import score
from bench.networks.matching import build
from bench.registry import families
from bench.train import UNMOVED, Trainee, fit

#: How much of each counter may be more (or, of accuracy, less) than in the baseline, as a share of it.
ALLOWED = {"flops": 0.001, "calls": 0.0, "peak bytes": 0.02, "error": 9.0, "accuracy": 0.05}


def names() -> list[str]:
    """Return the names of all counters that there may be."""
    of_steps = ("flops of a step", "calls of a step", "peak bytes of a step", "calls of inference")
    kinds = (*of_steps, "accuracy of a tiny training", "error after a tiny training")
    return [f"{kind}, {label}" for kind in kinds for label in NETWORKS]


def count(device: torch.device) -> dict[str, float]:
    """Return every counter by name, such as ``flops of a step, hnet``."""
    counts: dict[str, float] = {}
    for label in NETWORKS:
        step = step_of(label, device)
        step()  # the optimizer's moments are made in the first
        with FlopCounterMode(display=False) as flops:
            step()
        calls = _Calls()
        with calls:
            step()
        counts[f"flops of a step, {label}"] = float(flops.get_total_flops())
        counts[f"calls of a step, {label}"] = float(calls.count)
        counts[f"peak bytes of a step, {label}"] = float(calls.peak)
        model = network(label, device).eval()
        calls = _Calls()
        with torch.no_grad():
            model(images(2, device))
            with calls:
                model(images(2, device))
        counts[f"calls of inference, {label}"] = float(calls.count)
        counts |= _tiny_training(label, device)
    return counts


def judge(name: str, then: float, now: float) -> Verdict:
    """Compare a counter with its baseline."""
    kind = next(kind for kind in ALLOWED if name.startswith(kind))
    worse = then - now if kind == "accuracy" else now - then
    # an error of 1e-7 that becomes one of 3e-7 is rounding
    least = 1e-6 if kind == "error" else 0.0
    outcome = Outcome.REGRESSED if worse > ALLOWED[kind] * then + least else Outcome.FINE
    change = now / then if then else 1.0
    return Verdict(name, outcome, change, change, change, f"{then:.6g} was, {now:.6g} is")


def _tiny_training(label: str, device: torch.device) -> dict[str, float]:
    """Return accuracy and equivariance error at 90 degrees after 60 steps on 500 embedded digits."""
    data = load_data("digits", {"size": 16})
    family, options = NETWORKS[label]
    entry = families[family]
    small = {"channels": (1, 2, 2), "pool_after": (1, 2)}
    model = build(entry, entry.options(**options, **small), image_shape(1, 16, 10), 4.0, seed=0).to(device)
    inputs, labels = data.train.inputs[:500].to(device).float() / data.rms, data.train.targets[:500].to(device)
    budget = Budget(steps=60, batch_size=32, lr=0.02, evaluations=1, precision="float32")
    fit(Trainee(model, inputs, labels, UNMOVED, budget, seed=0), lambda _: (0.0, 0.0))
    counts = {f"accuracy of a tiny training, {label}": score(model, inputs, labels).score}
    if model.group != Group(1):
        (row,) = [
            row for row in equivariance_error(model, inputs[:16], [Element.rotation(90.0)]) if row["layer"] == "output"
        ]
        counts[f"error after a tiny training, {label}"] = float(row["error"])
    return counts


class _Calls(TorchDispatchMode):
    """Counts operator calls, and the most bytes that new tensors held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.peak = self._held = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for each in tree_leaves((args, kwargs)):
            if isinstance(each, torch.Tensor):
                self._track(each.untyped_storage(), new=False)
        result = func(*args, **(kwargs or {}))
        self.count += 1
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor):
                self._track(each.untyped_storage(), new=True)
        return result

    def _track(self, storage: Any, new: bool) -> None:
        """Count the bytes of a storage that is seen first; of one that an operation was given, none."""
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes() if new else 0
        self._held += size
        self.peak = max(self.peak, self._held)
        weakref.finalize(storage, self._forget(key, size))

    def _forget(self, key: int, size: int) -> Callable[[], None]:
        def forget() -> None:
            self._known.discard(key)
            self._held -= size

        return forget
