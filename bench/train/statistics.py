"""Statistics of normalisation by batches, counted anew for the weights that are evaluated."""

from __future__ import annotations

from typing import Any

import torch

from bench.train.precision import autocast
from bench.train.step import Trainee


@torch.no_grad()
def recount(trainee: Trainee, after: int) -> None:
    """Put the means over all batches of one pass in place of a network's running statistics, after so many steps.

    Running means hold the last ten batches or so, of weights that a constant learning rate has moved on since. As
    chainer's "finetuning" does, and with it the released code of Cohen & Welling 2016, the pass sees moved inputs, and
    what a network drops in training it drops here. Training does not read these statistics, and goes on as without.
    """
    network, size, device = trainee.network, trainee.budget.batch_size, trainee.inputs.device
    momenta: list[tuple[Any, Any]] = [(layer, getattr(layer, "momentum", None)) for layer in network.modules()]
    layers = {layer: momentum for layer, momentum in momenta if isinstance(momentum, float)}
    full = max(1, len(trainee.inputs) // size)
    batches = zip(trainee.inputs.split(size)[:full], trainee.targets.split(size)[:full], strict=True)
    network.train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for k, (inputs, targets) in enumerate(batches):
            for layer in layers:
                layer.momentum = 1 / (k + 1)
            drawn = [each.to(device) for each in trainee.moves.draw(after + k, len(inputs))]
            moved, _ = trainee.moves.apply(inputs, targets, *drawn)
            with autocast(trainee.budget, device):
                network(moved)
    for layer, momentum in layers.items():
        layer.momentum = momentum
