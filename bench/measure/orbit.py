"""What a network predicts over the whole orbit of an input: all of it that a group moves the input to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.cell import Count
from bench.groups import Element, Group, act
from bench.measure.inputs import Inputs, Measured
from bench.registry import Options, measurements

_BATCH = 64


class OrbitOptions(Options):
    """How much of the orbit, of how many images."""

    rotations: Count = Field(16, description="rotations, evenly spaced; of C_N and D_N the most that divide N")
    samples: Count = Field(128, description="test images")


@measurements.register("orbit", options=OrbitOptions, version=2)
def measure(options: OrbitOptions, network: nn.Module, inputs: Inputs) -> Measured:
    """Invariance rate, worst-case accuracy and entropy of the predicted class over the orbit of test inputs."""
    images, labels = (part[: options.samples] for part in inputs.upright)
    return Measured(orbit(network, images, labels, orbit_elements(inputs.group, options.rotations)))


def orbit_elements(group: Group, rotations: int) -> list[Element]:
    """Return evenly spaced elements of a group: its largest subgroup with no more than so many rotations.

    Mirrored elements come on top of the rotations.
    """
    n = group.rotations
    count = rotations if n is None else max(d for d in range(1, rotations + 1) if n % d == 0)
    turns = list(Group(count).elements)
    return turns + [turn @ Element(mirror=True) for turn in turns] if group.mirrors else turns


@torch.no_grad()
def orbit(network: nn.Module, images: Tensor, labels: Tensor, elements: Sequence[Element]) -> dict[str, float]:
    """Return what the predictions for images (N, C, S, S) with labels (N,) do over the orbit.

    ``orbit_invariance_rate`` is the share of moved inputs whose predicted class is that of the input as it is;
    ``worst_case_accuracy`` the share of inputs that are right at every element; ``orbit_entropy`` the mean over inputs
    of the entropy, in nats, of the distribution of predicted classes over the elements (0 for an invariant network).
    """
    network.eval()
    kept, right, entropy = [], [], []
    for batch, truth in zip(images.split(_BATCH), labels.split(_BATCH), strict=True):
        upright = network(batch).argmax(1)
        logits = [network(act(batch, g)) for g in elements]
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
