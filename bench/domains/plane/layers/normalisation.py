"""Batch normalisation of fields: one mean and one variance per field, so that normalising commutes with the group."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.domains.plane.layers.components import of_fields
from bench.domains.plane.layers.expansion import in_full_precision
from bench.groups import FieldType


class FieldBatchNorm(nn.Module):
    """Normalise (B, channels, S, S) by statistics that are shared by all components of a field.

    Fields whose components are permuted have a mean, the same for every component, and get a learned bias; the others
    have mean zero by symmetry, are divided by their root mean square and get none (Weiler & Cesa 2019, section 2.6).
    Statistics are taken in float32, whatever the features are, and channels-last features stay so. ``running`` holds
    mean and variance of every channel, those of its field: (2, channels).
    """

    running: Tensor
    components: Tensor
    averages: Tensor
    shares: Tensor
    centred: Tensor | None
    permuted: Tensor
    fields_of: Tensor
    biases_of: Tensor
    unread: Tensor

    def __init__(self, fields: FieldType, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        sizes = np.array([rho.size for rho, count in fields.fields for _ in range(count)])
        permutes = np.array([rho.permutes for rho, count in fields.fields for _ in range(count)])
        biased, mixed = int(permutes.sum()), not permutes.all()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(len(sizes)))
        self.bias = nn.Parameter(torch.zeros(biased))
        # who builds networks refuses tensors that are too large, which arrays pass by: this is the largest of them
        torch.empty(fields.channels, fields.channels)
        fields_of = np.repeat(np.arange(len(sizes)), sizes)
        to_fields = of_fields(sizes)
        shares = to_fields / sizes.astype(np.float32)[:, None]
        tables = {
            "running": np.repeat(np.array([[0], [1]], np.float32), fields.channels, axis=1),
            # channels to fields by sums (C, F), to channels by their field's mean (C, C), and back by shares (F, C)
            "components": np.ascontiguousarray(to_fields.T),
            "averages": shares[fields_of],
            "shares": shares,
            "centred": permutes[fields_of].astype(np.float32) if mixed else None,
            "fields_of": fields_of,
            # one more than there are biases stands for none
            "biases_of": np.where(permutes, permutes.cumsum() - 1, biased)[fields_of],
            "permuted": permutes.nonzero()[0],
            "unread": np.zeros(fields.channels, np.float32),
        }
        for name, table in tables.items():
            there = None if table is None else torch.from_numpy(table).to(self.weight.device)
            self.register_buffer(name, there, persistent=name == "running")

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            if not self.training:
                weights, biases = self._affine()
                return _normalised(features, weights, biases, self.running[0], self.running[1], self.eps)
            normalised: Tensor = _Normalise.apply(features, self.weight, self.bias, self)
        return normalised

    def plain(self) -> nn.BatchNorm2d:
        """Return the ordinary normalisation with the same output in evaluation."""
        with torch.no_grad():
            weights, biases = self._affine()
        normalisation = nn.BatchNorm2d(len(weights), self.eps, device=weights.device)
        normalisation.running_mean, normalisation.running_var = (each.clone() for each in self.running)
        normalisation.weight, normalisation.bias = nn.Parameter(weights), nn.Parameter(biases)
        return normalisation.train(self.training)

    def _affine(self) -> tuple[Tensor, Tensor]:
        """Return the weight and the bias of every channel."""
        bias = self.bias if self.centred is None else F.pad(self.bias, (0, 1))
        return self.weight.index_select(0, self.fields_of), bias.index_select(0, self.biases_of)


class _Normalise(torch.autograd.Function):
    """Features (B, C, H, W) normalised by their fields' mean and variance.

    Every channel is given the statistics of its field, so that torch's normalisation and its derivative do what touches
    the features; what is left is the derivative of the statistics. Written out, as a step has a few passes over the
    features and dozens of operations on a number per channel: on a small network the dozens cost as much.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, layer: FieldBatchNorm) -> Tensor:
        # told what to update in float32, it gives statistics in float32; without, in the features' own precision
        means, variances = torch.ops.aten.batch_norm_update_stats(features, layer.unread, layer.unread, 1.0)
        moments = torch.stack([means, torch.addcmul(variances, means, means)]) @ layer.averages
        mean, variance = moments.unbind()
        if layer.centred is not None:
            mean.mul_(layer.centred)
        variance.addcmul_(mean, mean, value=-1)
        layer.running.lerp_(moments, layer.momentum)
        weights, biases = layer._affine()
        ctx.save_for_backward(features, weights, mean, variance)
        ctx.layer = layer
        return _normalised(features, weights, biases, mean, variance, layer.eps)

    @staticmethod
    @in_full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        features, weights, mean, variance = ctx.saved_tensors
        layer: FieldBatchNorm = ctx.layer
        inverse = (variance + layer.eps).rsqrt_()
        # a CPU reads the statistics that were given, CUDA those that training would have kept: the inverse deviation
        through, by_weights, by_biases = torch.ops.aten.native_batch_norm_backward(
            grad, features, weights, mean, variance, mean, inverse, False, layer.eps, [True, True, True]
        )
        by_fields = torch.stack([by_weights, by_biases]) @ layer.components
        by_weight, by_bias = by_fields.unbind()
        slopes, levels = (by_fields @ layer.shares).mul_(inverse.mul_(weights)).unbind()
        if layer.centred is not None:
            levels.mul_(layer.centred)
            by_bias = by_bias.index_select(0, layer.permuted)
        # how the statistics move with every feature: by a share of its own size, and by a constant
        by_statistics = _normalised(features, slopes, levels, mean, variance, layer.eps)
        points = features.numel() // features.shape[1]
        return through.add_(by_statistics, alpha=-1 / points), by_weight, by_bias, None


def _normalised(
    features: Tensor, weights: Tensor, biases: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> Tensor:
    """Return features less the mean, over the root of the variance, times the weight, plus the bias of each channel."""
    normalised: Tensor = torch.ops.aten.native_batch_norm(features, weights, biases, mean, variance, False, 0.0, eps)[0]
    return normalised
