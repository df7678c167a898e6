"""Tuples of scalars, vectors and tensors: functions on one point, moved by groups of matrices (Finzi et al. 2021)."""

from bench.domains.vectors.action import TensorLaw
from bench.domains.vectors.groups import MatrixElement, MatrixGroup, parse
from bench.domains.vectors.shape import inputs_of, targets_of, tensor_shape
from bench.domains.vectors.tensors import Tensors
from bench.geometry import Domain

DOMAIN = Domain(
    name="vectors",
    default_group="O(3)",
    groups={
        "O(2), O(3), ...": "rotations and reflections; of a strength below 1 a part of the way to a random one",
        "SO(2), SO(3), ...": "rotations",
        "O(1,3)": "the Lorentz group, with boosts of a rapidity up to 1, or as 'O(1,3) boost 0.5' says",
        "SO+(1,3)": "the same without reflections of space and of time",
    },
    group=parse,
    law=lambda shape, resampling: TensorLaw(inputs_of(shape)),
    motion=lambda shape, group, resampling, crop: TensorLaw(inputs_of(shape).moved_by(group)),
    target=lambda shape: TensorLaw(targets_of(shape)),
    resamplings=("none",),
    crops=("none",),
    crop=lambda group: "none",
)

__all__ = ["DOMAIN", "MatrixElement", "MatrixGroup", "TensorLaw", "Tensors", "inputs_of", "targets_of", "tensor_shape"]
