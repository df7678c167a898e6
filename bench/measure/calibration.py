"""Calibration: whether a network is right as often as it says."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.measure.inputs import Inputs, Measured
from bench.registry import Options, measurements

BINS = 15


@measurements.register("calibration", version=1, by_default=True, tasks={"classification"})
def measure(options: Options, network: nn.Module, inputs: Inputs) -> Measured:
    """Expected calibration error on upright and on transformed test inputs."""
    return Measured(
        {
            "ece_upright": expected_calibration_error(inputs.answers(network, "upright"), inputs.upright[1]),
            "ece_transformed": expected_calibration_error(
                inputs.answers(network, "transformed"), inputs.transformed[1]
            ),
        }
    )


@torch.no_grad()
def expected_calibration_error(logits: Tensor, labels: Tensor) -> float:
    """Return the ECE of logits (N, K) of inputs with labels (N,): Guo et al. 2017, equation 3.

    The mean of |accuracy - confidence| over `BINS` bins of equal width, weighted by their share of the inputs; the
    confidence is the largest probability, and a bin holds those above its lower and up to its upper end.
    """
    confidence, predicted = logits.softmax(1).max(1)
    bin_of = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    gap = torch.zeros(BINS, dtype=torch.float64, device=logits.device)
    gap.index_add_(0, bin_of, (predicted == labels).double() - confidence.double())
    return float(gap.abs().sum() / len(logits))
