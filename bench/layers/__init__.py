"""Layers on feature fields: what a convolutional family is made of beside its convolution."""

from bench.layers.nonlinearity import GatedNonlinearity, NormNonlinearity, PointwiseNonlinearity
from bench.layers.normalisation import FieldBatchNorm
from bench.layers.pooling import FieldNorms, FieldPool
from bench.layers.steerable_convolution import SteerableConv

__all__ = [
    "FieldBatchNorm",
    "FieldNorms",
    "FieldPool",
    "GatedNonlinearity",
    "NormNonlinearity",
    "PointwiseNonlinearity",
    "SteerableConv",
]
