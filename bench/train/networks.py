"""What a step trains: one network, or several of one architecture as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from bench.cell import Budget
from bench.tasks import Reduction
from bench.train.precision import autocast

Loss = Callable[[Tensor, Tensor, Reduction], Tensor]


class Alone:
    """One network, called as it is."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        self.network, self.loss = network, loss

    def losses(self, inputs: Sequence[Tensor], targets: Sequence[Tensor], budget: Budget) -> Tensor:
        """Return the mean loss of the network on its batch: (1,)."""
        with autocast(budget, inputs[0].device):
            outputs = self.network(inputs[0])
        return self.loss(outputs.float(), targets[0], "mean").view(1)

    def give_back(self) -> None:
        """Nothing to do: the network is the trainee's own."""

    def take(self) -> None:
        """Nothing to do: the network is the trainee's own."""


class SideBySide:
    """Networks of one architecture as one function with one dimension more: their convolutions become grouped ones.

    Parameters stay the networks' own and are stacked in every step; what a step changes by itself (running statistics)
    lives in the stack until it is given back.
    """

    def __init__(self, networks: Sequence[nn.Module], loss: Loss) -> None:
        self.networks, self.loss = networks, loss
        learned = dict(networks[0].named_parameters())
        states = [network.state_dict() for network in networks]
        self.statistics = {
            name: torch.stack([state[name] for state in states]) for name in states[0] if name not in learned
        }

    def losses(self, inputs: Sequence[Tensor], targets: Sequence[Tensor], budget: Budget) -> Tensor:
        """Return the mean loss of each network on its own batch: (n,)."""
        named = [dict(network.named_parameters()) for network in self.networks]
        parameters = {name: torch.stack([each[name] for each in named]) for name in named[0]}

        def call(state: dict[str, Tensor], batch: Tensor) -> Tensor:
            outputs: Tensor = torch.func.functional_call(self.networks[0], state, (batch,))
            return outputs

        with autocast(budget, inputs[0].device):
            outputs: Tensor = torch.func.vmap(call)({**parameters, **self.statistics}, torch.stack(list(inputs)))
        each = self.loss(outputs.float().flatten(0, 1), torch.cat(list(targets)), "none")
        return each.view(len(inputs), -1).mean(1)

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
