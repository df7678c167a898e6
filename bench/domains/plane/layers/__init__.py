"""Layers on feature fields: what a convolutional family is made of beside its convolution."""

from bench.domains.plane.layers.expansion import ExpandedConv
from bench.domains.plane.layers.initialisation import delta_orthogonal_
from bench.domains.plane.layers.nonlinearity import FieldRun, GatedNonlinearity, NormNonlinearity, PointwiseNonlinearity
from bench.domains.plane.layers.normalisation import FieldBatchNorm
from bench.domains.plane.layers.pooling import FieldNorms, FieldPool
from bench.domains.plane.layers.restriction import Restriction
from bench.domains.plane.layers.steerable_convolution import SteerableConv

__all__ = [
    "ExpandedConv",
    "FieldBatchNorm",
    "FieldNorms",
    "FieldPool",
    "FieldRun",
    "GatedNonlinearity",
    "NormNonlinearity",
    "PointwiseNonlinearity",
    "Restriction",
    "SteerableConv",
    "delta_orthogonal_",
]
