"""What a step trains: one network, or several of one architecture as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.cell import Budget
from bench.train.precision import autocast


class Alone:
    """One network, called as it is."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def losses(self, images: Sequence[Tensor], labels: Sequence[Tensor], budget: Budget) -> Tensor:
        """Return the mean loss of the network on its batch: (1,)."""
        with autocast(budget, images[0].device):
            logits = self.network(images[0])
        return F.cross_entropy(logits.float(), labels[0]).view(1)

    def give_back(self) -> None:
        """Nothing to do: the network is the trainee's own."""

    def take(self) -> None:
        """Nothing to do: the network is the trainee's own."""


class SideBySide:
    """Networks of one architecture as one function with one dimension more: their convolutions become grouped ones.

    Parameters stay the networks' own and are stacked in every step; what a step changes by itself (running statistics)
    lives in the stack until it is given back.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.networks = networks
        learned = dict(networks[0].named_parameters())
        states = [network.state_dict() for network in networks]
        self.statistics = {
            name: torch.stack([state[name] for state in states]) for name in states[0] if name not in learned
        }

    def losses(self, images: Sequence[Tensor], labels: Sequence[Tensor], budget: Budget) -> Tensor:
        """Return the mean loss of each network on its own batch: (n,)."""
        named = [dict(network.named_parameters()) for network in self.networks]
        parameters = {name: torch.stack([each[name] for each in named]) for name in named[0]}

        def call(state: dict[str, Tensor], images: Tensor) -> Tensor:
            logits: Tensor = torch.func.functional_call(self.networks[0], state, (images,))
            return logits

        with autocast(budget, images[0].device):
            logits: Tensor = torch.func.vmap(call)({**parameters, **self.statistics}, torch.stack(list(images)))
        each = F.cross_entropy(logits.float().flatten(0, 1), torch.cat(list(labels)), reduction="none")
        return each.view(len(images), -1).mean(1)

    @torch.no_grad()
    def give_back(self) -> None:
        """Write the statistics to the networks."""
        for position, network in enumerate(self.networks):
            state = network.state_dict()
            for name, stacked in self.statistics.items():
                state[name].copy_(stacked[position])

    @torch.no_grad()
    def take(self) -> None:
        """Read the statistics from the networks."""
        for position, network in enumerate(self.networks):
            state = network.state_dict()
            for name, stacked in self.statistics.items():
                stacked[position].copy_(state[name])
