"""Measurements: pure functions of a network and data."""

from bench.measure.equivariance import equivariance_error
from bench.measure.inputs import Inputs, Measured, Stage
from bench.measure.memory import peak_memory, reset_peak_memory
from bench.measure.performance import Performance, score

__all__ = [
    "Inputs",
    "Measured",
    "Performance",
    "Stage",
    "equivariance_error",
    "peak_memory",
    "reset_peak_memory",
    "score",
]
