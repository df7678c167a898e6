"""A user's own domain and task: signals on a circle, moved by turns of its points, whose bumps are counted.

One file holds what a folder of `bench.domains` does: elements and their group, a law, a motion, the `Domain`; a task;
a data set; and two families, one equivariant by sharing its weights around the circle, one plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from bench.extend import (
    INVARIANT,
    UNKNOWN,
    Dataset,
    Domain,
    Network,
    Options,
    Shape,
    Split,
    Task,
    Trivial,
    UserError,
    datasets,
    families,
    register_domain,
    register_task,
)


@dataclass(frozen=True)
class Turn:
    """By so many points of a circle of ``points``."""

    steps: int
    points: int

    kind, unit = "turn", "degrees"

    @property
    def magnitude(self) -> float:
        return 360 * min(self.steps, self.points - self.steps) / self.points

    def __matmul__(self, other: Turn) -> Turn:
        return Turn((self.steps + other.steps) % self.points, self.points)

    def __invert__(self) -> Turn:
        return Turn(-self.steps % self.points, self.points)

    def __str__(self) -> str:
        return f"turn by {self.steps} of {self.points} points"


@dataclass(frozen=True)
class Turns:
    """All turns of a circle by whole points; of a strength s those by up to a share s of half of it."""

    points: int

    keeps_grid = True

    @property
    def on_grid(self) -> Turns:
        return self

    @property
    def is_trivial(self) -> bool:
        return self.points == 1

    def __str__(self) -> str:
        return f"C{self.points}"

    def sample(self, strength: float, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        if strength == 1:
            return (torch.randint(self.points, (count,), generator=generator),)
        most = round(strength * self.points / 2)
        return (torch.randint(-most, most + 1, (count,), generator=generator) % self.points,)

    def probes(self, magnitudes: Mapping[str, Sequence[float]]) -> list[Turn]:
        steps = {round(angle / 360 * self.points) % self.points for angle in magnitudes.get("rotation", (90.0,))}
        return [Turn(step, self.points) for step in sorted(steps)]

    def orbit(self, count: int) -> list[Turn]:
        return [Turn(step, self.points) for step in range(0, self.points, max(1, self.points // count))]


@dataclass(frozen=True)
class Circle:
    """Signals (B, C, points): the law of a stage, and the motion of inputs."""

    def act(self, signals: Tensor, g: Turn) -> Tensor:
        return signals.roll(g.steps, -1)

    def weights(self, signals: Tensor) -> None:
        return None

    def derivative(self, signals: Tensor, flow: str) -> None:
        return None

    def still(self, signals: Tensor) -> Tensor:
        return signals

    def prepare(self, signals: Tensor) -> Tensor:
        return signals

    def move(self, prepared: Tensor, draws: tuple[Tensor, ...]) -> Tensor:
        places = torch.arange(prepared.shape[-1], device=prepared.device)
        sources = (places - draws[0][:, None]) % prepared.shape[-1]
        return prepared.gather(-1, sources[:, None].expand_as(prepared))

    def resampled(self, signals: Tensor, generator: torch.Generator) -> Tensor:
        return signals


def turns(name: str) -> Turns:
    """Return the group of a name such as C32."""
    if not re.fullmatch(r"C[1-9]\d{0,3}", name):
        raise UserError(f"'{name}' is no group of the circle; known: C1, C2, ... of as many turns as it has points")
    return Turns(int(name[1:]))


def motion(shape: Shape, group: Turns, resampling: str, crop: str) -> Circle:
    """Return how signals are moved, by a group of as many turns as they have points."""
    if group.points not in (1, shape.points[0]):
        raise UserError(f"{group} does not turn signals of {shape.points[0]} points; C{shape.points[0]} does")
    return Circle()


register_domain(
    Domain(
        name="circle",
        default_group="C32",
        groups={"C1, C2, ...": "turns by whole points, of as many points as an input has"},
        group=turns,
        law=lambda shape, resampling: Circle(),
        motion=motion,
        target=lambda shape: INVARIANT,
        resamplings=("none",),
        crops=("none",),
        crop=lambda group: "none",
    )
)


def _check(targets: Tensor, outputs: int) -> None:
    if targets.dim() != 2 or targets.shape[1] != outputs or bool((targets < 0).any()):
        raise ValueError(f"targets must be counts (N, {outputs}) from 0 on")


def _squares(outputs: Tensor, targets: Tensor) -> Tensor:
    errors = (outputs.exp() - targets).double().square()
    return torch.stack([errors.sum(), torch.full_like(errors.sum(), errors.numel())])


# outputs are the logarithms of expected counts; the score is that of numbers, which every table knows
register_task(
    Task(
        name="counting",
        score="rmse",
        loss=lambda outputs, targets, reduction: F.poisson_nll_loss(outputs, targets, reduction=reduction),
        tally=_squares,
        value=lambda sums: float((sums[0] / sums[1]).sqrt()),
        right=lambda outputs, targets: (outputs.exp().round() == targets).all(1),
        agree=lambda one, other: (one.exp().round() == other.exp().round()).all(1),
        strata=lambda targets: targets[:, 0].long(),
        constant=lambda targets: float(targets.double().std(correction=0)),
        check=_check,
    )
)


class BumpOptions(Options):
    """How many points the circle has, and how many bumps a signal."""

    points: int = Field(32, ge=16, le=1024, description="points of the circle")
    most: int = Field(4, ge=1, le=6, description="bumps of a signal, from 1 on")


@datasets.register("bumps", options=BumpOptions, version=1, domain="circle", task="counting", group="C32")
def load(options: BumpOptions) -> Dataset:
    """Bumps on half of a circle, with noise: how many are there? 2,000 to train with, 500 and 1,000 to test."""
    generator = torch.Generator().manual_seed(0)
    count, angles = 3500, torch.arange(options.points) / options.points
    bumps = torch.randint(1, options.most + 1, (count, 1), generator=generator)
    # upright signals have theirs on one half: what turns them is news to a network that saw no other
    centres = torch.rand(count, options.most, 1, generator=generator) / 2
    apart = (angles - centres).abs()
    heights = torch.exp(-((torch.minimum(apart, 1 - apart) / 0.03) ** 2))
    there = torch.arange(options.most)[:, None] < bumps[:, :, None]
    signals = (heights * there).sum(1, keepdim=True)
    signals += 0.1 * torch.randn(signals.shape, generator=generator)
    shape = Shape("circle", 1, (options.points,), 1, "counting")
    cuts = (slice(2000), slice(2000, 2500), slice(2500, count))
    parts = [Split(signals[part], bumps[part].float()) for part in cuts]
    return Dataset("bumps", shape, *parts, names=("bumps",))


class Convolution(nn.Module):
    """A convolution around the circle and the rectifier: (B, C, points) to (B, K, points)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(before, after, 5, padding=2, padding_mode="circular")

    def forward(self, signals: Tensor) -> Tensor:
        return F.relu(self.convolution(signals))


class Mean(nn.Module):
    """The mean over the circle, and a linear map of it: (B, C, points) to (B, outputs)."""

    def __init__(self, before: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(before, outputs)

    def forward(self, signals: Tensor) -> Tensor:
        logs: Tensor = self.linear(signals.mean(2))
        return logs


@families.register("circle-cnn", options=Options, version=1, domains={"circle"}, tasks={"counting"}, exact=True)
def build_cnn(options: Options, shape: Shape, width: float) -> Network:
    """Convolutions around the circle and a mean over it: equivariant to every turn, exactly."""
    count = max(1, round(width))
    stages = {
        "block1": (Convolution(shape.channels, count), Circle()),
        "block2": (Convolution(count, count), Circle()),
        "output": (Mean(count, shape.outputs), INVARIANT),
    }
    return Network(Turns(shape.points[0]), stages, Circle())


@families.register("circle-mlp", options=Options, version=1, domains={"circle"}, tasks={"counting"})
def build_mlp(options: Options, shape: Shape, width: float) -> Network:
    """Two hidden layers that know nothing of the circle: the control."""
    count = max(1, round(width))
    hidden = nn.Sequential(
        nn.Flatten(), nn.Linear(shape.channels * shape.points[0], count), nn.ReLU(), nn.Linear(count, count), nn.ReLU()
    )
    return Network(
        Trivial(), {"hidden": (hidden, UNKNOWN), "output": (nn.Linear(count, shape.outputs), INVARIANT)}, Circle()
    )
