"""Equivariant multilayer perceptrons (Finzi, Welling & Wilson 2021), and their plain twin."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from bench.domains.vectors.action import TensorLaw
from bench.domains.vectors.groups import MatrixGroup, parse
from bench.domains.vectors.layers import Bilinear, EquivariantLinear, Gated
from bench.domains.vectors.shape import inputs_of, targets_of
from bench.domains.vectors.tensors import Tensors
from bench.errors import Impossible, UserError
from bench.geometry import UNKNOWN, Law, Shape
from bench.groups.plain import Trivial
from bench.networks.network import Network
from bench.registry import Options, families


class MlpOptions(Options):
    """Options of a multilayer perceptron; its width is the numbers of a hidden layer."""

    hidden_layers: Annotated[int, Field(ge=1, le=16)] = Field(3, description="layers before the last")


class EmlpOptions(MlpOptions):
    """Options of an equivariant multilayer perceptron; its width is about the numbers of a hidden layer."""

    symmetry: str = Field("data", description="the group, such as SO(3); data: the group of the data's tensors")
    max_rank: int | None = Field(
        None, ge=1, le=3, description="the largest rank of a hidden tensor; by default 3 of up to 3 dimensions, else 2"
    )


class Block(nn.Module):
    """A linear map with a bilinear one on top, then the gated nonlinearity."""

    def __init__(self, before: Tensors, after: Tensors) -> None:
        super().__init__()
        self.nonlinearity = Gated(after)
        self.linear = EquivariantLinear(before, self.nonlinearity.before)
        self.bilinear = Bilinear(self.nonlinearity.before)

    def forward(self, values: Tensor) -> Tensor:
        linear = self.linear(values)
        activations: Tensor = self.nonlinearity(linear + self.bilinear(linear))
        return activations


@families.register("emlp", options=EmlpOptions, version=2, domains={"vectors"}, tasks={"regression"}, exact=True)
def build(options: EmlpOptions, shape: Shape, width: float) -> Network:
    """Equivariant MLP (Finzi et al. 2021) of O(d), SO(d) or the Lorentz group; width 384 is published.

    Differences from the released code: in four dimensions hidden tensors are of rank 2 at most, where its heuristic
    takes rank 3 (a null space of 4,096 unknowns; ``max_rank: 3`` asks for it); the tensors that act in the bilinear
    layer are the first of their rank, not random ones. Rank 3 is not a luxury where
    targets are matrices: the bilinear layer makes one of two vectors by a tensor of rank 3 alone.
    """
    group = _group(options.symmetry, shape)
    before, after = (Tensors(group, each.pairs) for each in (inputs_of(shape), targets_of(shape)))
    hidden = spread(group, max(1, round(width)), options.max_rank or (3 if group.dimension <= 3 else 2))
    stages: dict[str, tuple[nn.Module, Law]] = {}
    current = before
    for layer in range(1, options.hidden_layers + 1):
        stages[f"block{layer}"] = (Block(current, hidden), TensorLaw(hidden))
        current = hidden
    stages["output"] = (EquivariantLinear(current, after), TensorLaw(after))
    return Network(group, stages, TensorLaw(before))


@families.register("mlp", options=MlpOptions, version=1, domains={"vectors"}, tasks={"regression"})
def build_plain(options: MlpOptions, shape: Shape, width: float) -> Network:
    """Plain multilayer perceptron with swish: the control without built-in symmetry; width 384 is published."""
    stages: dict[str, tuple[nn.Module, Law]] = {}
    current, hidden = shape.channels, max(1, round(width))
    for layer in range(1, options.hidden_layers + 1):
        stages[f"block{layer}"] = (nn.Sequential(nn.Linear(current, hidden), nn.SiLU()), UNKNOWN)
        current = hidden
    stages["output"] = (nn.Linear(current, shape.outputs), TensorLaw(targets_of(shape)))
    return Network(Trivial(), stages, TensorLaw(inputs_of(shape)))


def spread(group: MatrixGroup, size: int, max_rank: int) -> Tensors:
    """Return about ``size`` numbers, as evenly as can be over the ranks up to the highest that fits or is allowed.

    The heuristic of Finzi et al. 2021 (section 7): equal shares of the numbers, hence d times fewer tensors per rank.
    """
    d, counts, left = group.dimension, [0] * (max_rank + 1), size
    while left > 0:
        rank = max(r for r in range(max_rank + 1) if r == 0 or (r + 1) * d**r <= left)
        for each in range(rank + 1):
            counts[each] += d ** (rank - each)
        left -= (rank + 1) * d**rank
    return Tensors(group, tuple((rank, count) for rank, count in enumerate(counts) if count))


def _group(symmetry: str, shape: Shape) -> MatrixGroup:
    """Return the group that a network promises; Impossible where it does not act on the data's tensors."""
    inputs = inputs_of(shape)
    if symmetry == "data":
        return inputs.group
    try:
        group = parse(symmetry)
        inputs.moved_by(group)
    except UserError as error:
        raise Impossible(f"symmetry: {error}") from error
    return group
