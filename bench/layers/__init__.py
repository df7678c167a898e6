"""Layers on feature fields: what a convolutional family is made of beside its convolution."""

from bench.layers.expansion import ExpandedConv
from bench.layers.nonlinearity import FieldRun, GatedNonlinearity, NormNonlinearity, PointwiseNonlinearity
from bench.layers.normalisation import FieldBatchNorm
from bench.layers.pooling import FieldNorms, FieldPool
from bench.layers.steerable_convolution import SteerableConv

__all__ = [
    "ExpandedConv",
    "FieldBatchNorm",
    "FieldNorms",
    "FieldPool",
    "FieldRun",
    "GatedNonlinearity",
    "NormNonlinearity",
    "PointwiseNonlinearity",
    "SteerableConv",
]
