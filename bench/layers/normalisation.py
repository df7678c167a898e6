"""Batch normalisation of fields: one mean and one variance per field, so that normalising commutes with the group."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.groups import FieldType
from bench.layers.components import components


class FieldBatchNorm(nn.Module):
    """Normalise (B, channels, S, S) by statistics that are shared by all components of a field.

    Fields whose components are permuted have a mean, the same for every component, and get a learned bias; the others
    have mean zero by symmetry, are divided by their root mean square and get none (Weiler & Cesa 2019, section 2.6).
    Statistics are taken in float32, whatever the features are, and channels-last features stay so.
    """

    running_mean: Tensor
    running_variance: Tensor
    components: Tensor
    centred: Tensor
    average: Tensor
    average_mean: Tensor
    zeros: Tensor
    ones: Tensor

    def __init__(self, fields: FieldType, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        sizes = [rho.size for rho, count in fields.fields for _ in range(count)]
        permutes = [rho.permutes for rho, count in fields.fields for _ in range(count)]
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(len(sizes)))
        self.bias = nn.Parameter(torch.zeros(sum(permutes)))
        self.register_buffer("running_mean", torch.zeros(len(sizes)))
        self.register_buffer("running_variance", torch.ones(len(sizes)))
        of_fields = components(sizes)
        average = of_fields / of_fields.sum(1, keepdim=True)
        self.register_buffer("components", of_fields, persistent=False)
        self.register_buffer("centred", torch.eye(len(sizes))[permutes], persistent=False)
        self.register_buffer("average", average, persistent=False)
        # of the fields that have a mean: the others' rows are zero
        self.register_buffer("average_mean", average * torch.tensor(permutes)[:, None], persistent=False)
        self.register_buffer("zeros", torch.zeros(of_fields.shape[1]), persistent=False)
        self.register_buffer("ones", torch.ones(of_fields.shape[1]), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        statistics = self._statistics(features) if self.training else (self.running_mean, self.running_variance)
        scale, shift = self.affine(*statistics)
        # scale and shift in one pass, computed in float32: normalising by a mean of zero and a variance of one
        return F.batch_norm(features, self.zeros, self.ones, scale, shift, training=False, eps=0.0)

    def plain(self) -> nn.BatchNorm2d:
        """Return the ordinary normalisation with the same output in evaluation."""
        with torch.no_grad():
            scale, shift = self.affine(self.running_mean, self.running_variance)
        normalisation = nn.BatchNorm2d(len(scale), eps=0.0, device=scale.device)
        normalisation.weight, normalisation.bias = nn.Parameter(scale), nn.Parameter(shift)
        return normalisation.train(self.training)

    def affine(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and the shift of every channel that fields' statistics give."""
        with torch.autocast(mean.device.type, enabled=False):
            scale = self.weight * torch.rsqrt(variance + self.eps)
            shift = self.bias @ self.centred - mean * scale
            return scale @ self.components, shift @ self.components

    def _statistics(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of every field of a batch, and remember them."""
        with torch.autocast(features.device.type, enabled=False):
            means, variances = _Moments.apply(features)
            mean = self.average_mean @ means
            variance = self.average @ torch.addcmul(variances, means, means) - mean.square()
        with torch.no_grad():
            for running, found in ((self.running_mean, mean), (self.running_variance, variance)):
                running.mul_(1 - self.momentum).add_(found, alpha=self.momentum)
        return mean, variance


class _Moments(torch.autograd.Function):
    """Mean and variance of every channel of (B, C, H, W), in float32: the statistics of torch's own normalisation.

    `torch.var_mean` takes thirty times as long on channels-last features.
    """

    @staticmethod
    def forward(features: Tensor) -> tuple[Tensor, Tensor]:
        means, variances = torch.batch_norm_update_stats(features, None, None, 0.0)
        return means.float(), variances.float()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs, output[0])

    @staticmethod
    def backward(ctx: Any, by_mean: Tensor, by_variance: Tensor) -> Tensor:
        features, means = ctx.saved_tensors
        count = features.numel() // features.shape[1]
        scale = 2 * by_variance / count
        shift = by_mean / count - means * scale
        return F.batch_norm(features, torch.zeros_like(shift), torch.ones_like(scale), scale, shift, eps=0.0)

    @staticmethod
    def vmap(info: Any, dims: tuple[int], features: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """Networks that are trained together lie side by side in the channels."""
        beside = features.movedim(dims[0], 1)
        found = _Moments.apply(beside.flatten(1, 2))
        means, variances = (each.view(beside.shape[1:3]) for each in found)
        return (means, variances), (0, 0)
