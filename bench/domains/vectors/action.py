"""How tuples of tensors transform, and how they are moved at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.domains.vectors.groups import MatrixElement
from bench.domains.vectors.tensors import Tensors
from bench.groups.protocol import Draws


@dataclass(frozen=True)
class TensorLaw:
    """Numbers (B, size) that are ``tensors``: the law of a stage, and the motion of inputs and of targets."""

    tensors: Tensors

    def act(self, values: Tensor, g: MatrixElement) -> Tensor:
        matrix = torch.as_tensor(g.matrix, dtype=values.dtype, device=values.device)
        return self.tensors.moved(values, matrix.expand(len(values), -1, -1))

    def weights(self, values: Tensor) -> None:
        return None

    def derivative(self, values: Tensor, flow: str) -> None:
        return None

    def still(self, values: Tensor) -> Tensor:
        return values

    def prepare(self, values: Tensor) -> Tensor:
        return values

    def move(self, prepared: Tensor, draws: Draws) -> Tensor:
        return self.tensors.moved(prepared, draws[0].to(prepared.dtype))

    def resampled(self, values: Tensor, generator: torch.Generator) -> Tensor:
        return values
