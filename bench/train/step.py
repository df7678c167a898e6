"""One optimizer step as a function of tensors on the device, so that it can be replayed without the host.

What a step needs from the host (which examples, how they are moved, the learning rate) is written to tables on the
device for `BLOCK` steps at once; a counter on the device says which row is next.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.cell import Budget
from bench.tasks import CLASSIFICATION, Task
from bench.train.precision import autocast
from bench.train.schedule import batches, learning_rate

BLOCK = 64
"""Steps between two visits of the host."""


@dataclass(frozen=True)
class Moves:
    """Augmentation in two parts: ``draw(step, count)`` on the host, ``apply(inputs, targets, *drawn)`` on the device.

    ``apply`` returns the inputs and the targets, which move too where the task asks for more than a class.
    """

    draw: Callable[[int, int], tuple[Tensor, ...]]
    apply: Callable[..., tuple[Tensor, Tensor]]


UNMOVED = Moves(lambda step, count: (), lambda inputs, targets: (inputs, targets))


@dataclass(frozen=True)
class Trainee:
    """A network, and what it is trained on and how."""

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    moves: Moves
    budget: Budget
    seed: int
    task: Task = CLASSIFICATION


class Step:
    """The step that all trainees take: called, it moves their weights and writes down their ``losses``.

    On a GPU every trainee of several has a stream of its own, so that kernels too small to fill the device run beside
    those of the others; they are the kernels that it would launch alone.
    """

    def __init__(self, trainees: Sequence[Trainee], total: int) -> None:
        self.trainees = trainees
        self.device = trainees[0].inputs.device
        self.losses = torch.zeros(len(trainees), total, device=self.device)
        self.number = torch.zeros(1, dtype=torch.int64, device=self.device)
        for trainee in trainees:
            _warm_up(trainee)
        self.courses = [_Course(trainee, total) for trainee in trainees]
        apart = self.device.type == "cuda" and len(trainees) > 1
        self._streams = [torch.cuda.Stream(self.device) for _ in trainees] if apart else []

    def load(self, first: int) -> None:
        """Write the tables of the block that begins with step ``first``, counted from 0."""
        for course in self.courses:
            course.load(first)

    def __call__(self) -> None:
        row = self.number % BLOCK
        with self._forked() as places:
            for course, losses, place in zip(self.courses, self.losses, places, strict=True):
                with place:
                    course.step(row, losses, self.number)
        self.number += 1

    def restart(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Go back to before the first step, when the networks had these states."""
        for trainee, course, state in zip(self.trainees, self.courses, states, strict=True):
            trainee.network.load_state_dict(state)
            course.restart()
        self.number.zero_()
        self.losses.zero_()

    def state(self) -> list[dict[str, Any]]:
        """Return what the next step depends on, of each trainee: its network's state and its optimizer's."""
        return [course.state() for course in self.courses]

    def restore(self, states: Sequence[Mapping[str, Any]], done: int, losses: Tensor) -> None:
        """Go on after ``done`` steps, which had these ``losses`` (n, done), from what `state` returned then."""
        for course, state in zip(self.courses, states, strict=True):
            course.restore(state, done)
        self.number.fill_(done)
        self.losses[:, :done] = losses

    @contextmanager
    def _forked(self) -> Iterator[list[AbstractContextManager[Any]]]:
        """Give the context of each trainee's stream, which begins after what was asked so far and ends before the rest.

        Told by events, so that a capture of the current stream takes the others along.
        """
        if not self._streams:
            yield [nullcontext()] * len(self.courses)
            return
        current = torch.cuda.current_stream(self.device)
        for stream in self._streams:
            stream.wait_stream(current)
        yield [torch.cuda.stream(stream) for stream in self._streams]
        for stream in self._streams:
            current.wait_stream(stream)


def _warm_up(trainee: Trainee) -> None:
    """Run one pass on a copy of a network, so that no first-use cost falls into the clock."""
    twin = copy.deepcopy(trainee.network.train())
    batch, moves = slice(trainee.budget.batch_size), trainee.moves
    inputs, targets = trainee.inputs[batch], trainee.targets[batch]
    drawn = [each.to(inputs.device) for each in moves.draw(0, len(inputs))]
    with torch.random.fork_rng(devices=[trainee.inputs.device] if trainee.inputs.is_cuda else []):
        _loss(twin, trainee, *moves.apply(inputs, targets, *drawn)).backward()


def _loss(network: nn.Module, trainee: Trainee, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss of a network on a batch, in the precision of the budget: a scalar."""
    with autocast(trainee.budget, inputs.device):
        outputs = network(inputs)
    return trainee.task.loss(outputs.float(), targets, "mean")


class _Course:
    """One trainee's tables, batches and optimizer."""

    def __init__(self, trainee: Trainee, total: int) -> None:
        self.trainee, self.total = trainee, total
        self.rate = torch.zeros((), device=trainee.inputs.device)
        self.optimizer = optimizer_of(trainee.network, trainee.budget, self.rate)
        self._learned = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        self._one = torch.ones((), device=self.rate.device)
        self._tables: list[Tensor] = []
        self._order = self._batches()

    def load(self, first: int) -> None:
        """Write the rows of the steps from ``first`` on."""
        budget, device = self.trainee.budget, self.rate.device
        steps = range(first, min(first + BLOCK, self.total))
        drawn = [self.trainee.moves.draw(step, budget.batch_size) for step in steps]
        rows = [
            torch.tensor([learning_rate(budget, step, self.total) for step in steps]),
            torch.stack([next(self._order) for _ in steps]),
            *(torch.stack(each) for each in zip(*drawn, strict=True)),
        ]
        if not self._tables:
            self._tables = [torch.empty_like(each, device=device) for each in rows]
        for table, each in zip(self._tables, rows, strict=True):
            source = each.pin_memory() if device.type == "cuda" else each
            table[: len(source)].copy_(source, non_blocking=True)

    def step(self, row: Tensor, losses: Tensor, number: Tensor) -> None:
        """Move the weights as the row (1,) of the tables says; write the loss before into ``losses`` at ``number``."""
        rate, index, *drawn = (table.index_select(0, row)[0] for table in self._tables)
        self.rate.copy_(rate)
        trainee = self.trainee
        inputs, targets = trainee.moves.apply(trainee.inputs[index], trainee.targets[index], *drawn)
        loss = _loss(trainee.network, trainee, inputs, targets)
        # not `backward`, which would copy the reference of each for lack of knowing that nobody else holds it
        slopes = torch.autograd.grad(loss, self._learned, self._one, allow_unused=True)
        for parameter, slope in zip(self._learned, slopes, strict=True):
            parameter.grad = slope if slope is None else _laid_out_as(parameter, slope)
        self.optimizer.step()
        for parameter in self._learned:
            parameter.grad = None
        with torch.no_grad():
            losses.index_copy_(0, number, loss.view(1))

    def restart(self) -> None:
        """Forget all steps: moments and counts of the optimizer start at zero."""
        self._order = self._batches()
        for kept in self.optimizer.state.values():
            for value in kept.values():
                value.zero_()

    def state(self) -> dict[str, Any]:
        """Return the network's state, and the optimizer's for each parameter in order."""
        kept = self.optimizer.state
        moments = [dict(kept[parameter]) for parameter in self._learned]
        return {"network": self.trainee.network.state_dict(), "optimizer": moments}

    def restore(self, state: Mapping[str, Any], done: int) -> None:
        """Go on after ``done`` steps from what `state` returned; tensors that a graph knows keep their place."""
        self.trainee.network.load_state_dict(state["network"])
        for parameter, moments in zip(self._learned, state["optimizer"], strict=True):
            current = self.optimizer.state[parameter]
            for name, value in moments.items():
                if name in current:
                    current[name].copy_(value)
                else:
                    current[name] = value.clone()
        self._order = self._batches()
        for _ in range(done):
            next(self._order)

    def _batches(self) -> Iterator[Tensor]:
        return batches(len(self.trainee.inputs), self.trainee.budget.batch_size, self.trainee.seed)


def _laid_out_as(parameter: Tensor, slope: Tensor) -> Tensor:
    """Return a gradient in the memory layout of its parameter, on which CUDA's fused optimizers insist."""
    return slope if slope.stride() == parameter.stride() else torch.empty_like(parameter).copy_(slope)


def optimizer_of(network: nn.Module, budget: Budget, rate: Tensor) -> torch.optim.Optimizer:
    """Return the optimizer of a budget; its learning rate is what stands in the tensor ``rate``."""
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            (decayed if _decays(module, name, parameter) else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": budget.weight_decay}, {"params": others, "weight_decay": 0.0}]
    # fused kernels read the rate on the device, as a captured step must
    options: dict[str, Any] = {"lr": rate, "fused": True}
    if budget.optimizer != "sgd":
        amsgrad = budget.optimizer == "amsgrad"
        return torch.optim.AdamW(groups, capturable=rate.is_cuda, amsgrad=amsgrad, **options)
    return torch.optim.SGD(groups, momentum=0.9, nesterov=True, **options)


def _decays(module: nn.Module, name: str, parameter: Tensor) -> bool:
    """Tell whether weight decay is for a parameter: not biases, scales and thresholds, where it regularises nothing.

    Their shape tells; a module for which it does not names in ``decayed`` the parameters that are weights.
    """
    named: tuple[str, ...] | None = getattr(module, "decayed", None)
    return parameter.dim() > 1 if named is None else name in named
