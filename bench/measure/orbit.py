"""What a network predicts over the whole orbit of an input: all of it that a group moves the input to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from bench.cell import Count
from bench.groups.protocol import AnyElement
from bench.measure.inputs import Inputs, Measured
from bench.networks.network import Network
from bench.registry import Options, measurements

_BATCH = 64


class OrbitOptions(Options):
    """How much of the orbit, of how many images."""

    rotations: Count = Field(16, description="rotations, evenly spaced; of C_N and D_N the most that divide N")
    samples: Count = Field(128, description="test images")


@measurements.register("orbit", options=OrbitOptions, version=2, tasks={"classification"})
def measure(options: OrbitOptions, network: Network, inputs: Inputs) -> Measured:
    """Invariance rate, worst-case accuracy and entropy of the predicted class over the orbit of test inputs."""
    images, labels = (part[: options.samples] for part in inputs.upright)
    return Measured(orbit(network, images, labels, inputs.group.orbit(options.rotations)))


@torch.no_grad()
def orbit(network: Network, images: Tensor, labels: Tensor, elements: Sequence[AnyElement]) -> dict[str, float]:
    """Return what the predictions for images (N, C, S, S) with labels (N,) do over the orbit.

    ``orbit_invariance_rate`` is the share of moved inputs whose predicted class is that of the input as it is;
    ``worst_case_accuracy`` the share of inputs that are right at every element; ``orbit_entropy`` the mean over inputs
    of the entropy, in nats, of the distribution of predicted classes over the elements (0 for an invariant network).
    """
    network.eval()
    law = network.laws["input"]
    kept, right, entropy = [], [], []
    for batch, truth in zip(images.split(_BATCH), labels.split(_BATCH), strict=True):
        upright = network(batch).argmax(1)
        logits = [network(law.act(batch, g)) for g in elements]
        predicted = torch.stack([each.argmax(1) for each in logits])
        kept.append((predicted == upright).float().mean(0))
        right.append((predicted == truth).all(0).float())
        shares = torch.nn.functional.one_hot(predicted, logits[0].shape[1]).float().mean(0)
        entropy.append(torch.special.entr(shares).sum(1))
    return {
        "orbit_invariance_rate": float(torch.cat(kept).mean()),
        "worst_case_accuracy": float(torch.cat(right).mean()),
        "orbit_entropy": float(torch.cat(entropy).mean()),
    }
