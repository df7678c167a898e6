"""What every family builds: a chain of named stages that says how each stage's output transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bench.geometry import INVARIANT, Law, Shape
from bench.groups.protocol import AnyGroup


def _as_it_is(inputs: Tensor) -> Tensor:
    return inputs


class Network(nn.Module):
    """A chain of stages from inputs (B, channels, *points) to outputs (B, ...).

    ``group`` is the symmetry that the architecture promises (the trivial one for a plain network); ``laws`` names, for
    the ``input`` and for every stage, how it transforms when the input is moved. ``arrange`` brings inputs into the
    memory layout that the first stage likes.
    """

    def __init__(
        self,
        group: AnyGroup,
        stages: Mapping[str, tuple[nn.Module, Law]],
        inputs: Law,
        arrange: Callable[[Tensor], Tensor] = _as_it_is,
    ) -> None:
        super().__init__()
        for name, (_, law) in stages.items():
            if not hasattr(law, "act"):
                raise TypeError(
                    f"the law of stage '{name}' is {law!r}; a law is a value with the method 'act', such as "
                    "bench.domains.plane.Maps(fields, shape.size) or bench.geometry.INVARIANT"
                )
        self.group = group
        self.stages = nn.ModuleDict({name: module for name, (module, _) in stages.items()})
        self.laws: dict[str, Law] = {"input": inputs, **{name: law for name, (_, law) in stages.items()}}
        self.arrange = arrange

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.arrange(inputs)
        for stage in self.stages.values():
            features = stage(features)
        return features

    def placed(self, device: torch.device) -> Network:
        """Return itself on a device, with kernels channels-last in memory."""
        self.to(device)
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dim() == 4:
                # not `contiguous`, for which a kernel on one channel is in order either way
                tensor.data = tensor.data.to(memory_format=torch.channels_last)
        return self

    def trace(self, inputs: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield every stage's name and output, in order; the last one is the network's."""
        features = self.arrange(inputs)
        for name, stage in self.stages.items():
            features = stage(features)
            yield name, features


def __getattr__(name: str) -> Any:
    """Give plug-ins of 0.1 what they import from here by its old name."""
    former = {"Shape": Shape, "invariant": INVARIANT}
    if name not in former:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return former[name]
