"""Training: a schedule, a step that a device can replay, and the loop of steps and evaluations."""

from bench.train.loop import Fit, clock, fit, fit_together
from bench.train.precision import autocast, precision
from bench.train.schedule import batches, evaluation_steps, learning_rate, total_steps
from bench.train.snapshot import Snapshots
from bench.train.step import UNMOVED, Moves, Trainee

__all__ = [
    "UNMOVED",
    "Fit",
    "Moves",
    "Snapshots",
    "Trainee",
    "autocast",
    "batches",
    "clock",
    "evaluation_steps",
    "fit",
    "fit_together",
    "learning_rate",
    "precision",
    "total_steps",
]
