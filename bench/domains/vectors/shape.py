"""What a network for tuples of tensors is built for."""

from __future__ import annotations

from bench.domains.vectors.groups import parse
from bench.domains.vectors.tensors import Tensors
from bench.geometry import Shape


def tensor_shape(inputs: Tensors, targets: Tensors) -> Shape:
    """Return the shape of a regression from tensors to tensors of one group."""
    return Shape("vectors", inputs.size, (), targets.size, "regression", str(inputs), targets.text)


def inputs_of(shape: Shape) -> Tensors:
    """Return the tensors that an input is."""
    group, _, text = shape.fields.partition(": ")
    return Tensors.parse(parse(group), text)


def targets_of(shape: Shape) -> Tensors:
    """Return the tensors that a target is."""
    return Tensors.parse(inputs_of(shape).group, shape.target)
