"""Batch normalisation of fields: one mean and one variance per field, so that normalising commutes with the group."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from bench.domains.plane.layers.components import components
from bench.groups import FieldType


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
    averages: Tensor
    constants: Tensor

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
        #: Components of every field where all have as many and a mean, as regular fields do; else 0.
        self.components_each = sizes[0] if all(permutes) and len(set(sizes)) == 1 else 0
        self.register_buffer("components", of_fields, persistent=False)
        self.register_buffer("centred", torch.eye(len(sizes))[permutes], persistent=False)
        # of all fields, and of those that have a mean: the others' rows are zero
        averages = torch.stack([average, average * torch.tensor(permutes)[:, None]])
        self.register_buffer("averages", averages, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            bias = self.bias if self.components_each else self.bias @ self.centred
            if not self.training:
                scale, shift = self._affine(bias)
                return _affine(features, scale, shift)
            if self.components_each:
                normalised, mean, variance = _NormaliseAlike.apply(
                    features, self.weight[None], bias[None], self.components_each, self.eps
                )
            else:
                layout = (self.components, self.averages, self.eps)
                normalised, mean, variance = _Normalise.apply(features, self.weight[None], bias[None], *layout)
        with torch.no_grad():
            for running, found in ((self.running_mean, mean), (self.running_variance, variance)):
                running.mul_(1 - self.momentum).add_(found[0], alpha=self.momentum)
        result: Tensor = normalised
        return result

    def plain(self) -> nn.BatchNorm2d:
        """Return the ordinary normalisation with the same output in evaluation."""
        with torch.no_grad():
            scale, shift = self._affine(self.bias if self.components_each else self.bias @ self.centred)
        normalisation = nn.BatchNorm2d(len(scale), device=scale.device)
        normalisation.running_var.fill_(1 - normalisation.eps)  # type: ignore[union-attr]
        normalisation.weight, normalisation.bias = nn.Parameter(scale), nn.Parameter(shift)
        return normalisation.train(self.training)

    def _affine(self, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and the shift of every channel that the running statistics give."""
        scale = self.weight * torch.rsqrt(self.running_variance + self.eps)
        both = torch.stack([scale, bias - self.running_mean * scale]) @ self.components
        return both[0], both[1]


class _Normalise(torch.autograd.Function):
    """Features (B, n C, H, W) of n networks side by side, normalised by their fields' mean and variance, each (n, F).

    Written out, as a step has a few passes over the features and dozens of operations on a number per field; on a
    small network the dozens cost as much. Weight and bias are (n, F), the bias zero where a field has none.
    """

    @staticmethod
    def forward(
        features: Tensor, weight: Tensor, bias: Tensor, components: Tensor, averages: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        means, variances = torch.batch_norm_update_stats(features, None, None, 0.0)
        means = means.float().view(len(weight), -1)
        variances = variances.float().view(len(weight), -1)
        mean = means @ averages[1].T
        variance = torch.addcmul(variances, means, means) @ averages[0].T - mean * mean
        scale = weight * torch.rsqrt(variance + eps)
        scales, shifts = torch.stack([scale, torch.addcmul(bias, mean, scale, value=-1)]) @ components
        return _affine(features, scales.flatten(), shifts.flatten()), mean, variance

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        features, weight, _, components, averages, eps = inputs
        _, mean, variance = output
        ctx.mark_non_differentiable(mean, variance)
        ctx.save_for_backward(features, weight, components, averages, mean, variance)
        ctx.eps = eps

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, components, averages, mean, variance = ctx.saved_tensors
        inverse = torch.rsqrt(variance + ctx.eps)
        scale = weight * inverse
        scales = (scale @ components).flatten()
        zeros, ones = torch.zeros_like(scales), torch.ones_like(scales)
        # the last pair is for training's statistics, which are not used here, but CUDA insists on having them
        through, by_scales, by_shifts = torch.ops.aten.native_batch_norm_backward(
            grad, features, scales, zeros, ones, zeros, ones, False, 0.0, [True, True, True]
        )
        by_scale, by_shift = torch.stack([by_scales, by_shifts]).view(2, len(weight), -1) @ components.T
        by_scale = torch.addcmul(by_scale, mean, by_shift, value=-1)  # the shift holds the scale too
        by_weight = by_scale * inverse
        by_variance = -0.5 * by_weight * scale * inverse
        # the variance is the mean square less the square of the mean
        by_mean = -(scale * by_shift + 2 * mean * by_variance)
        count = features.numel() // features.shape[1]
        slopes = (by_variance @ averages[0]).flatten() * (2 / count)
        levels = (by_mean @ averages[1]).flatten() / count
        return through.add_(_affine(features, slopes, levels)), by_weight, by_shift, None, None, None

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        return _side_by_side(_Normalise, info.batch_size, dims, *inputs)


class _NormaliseAlike(torch.autograd.Function):
    """The same for fields of ``each`` components that all have a mean, with half of the operations.

    Every channel is given the statistics of its field, so that torch's normalisation and its derivative do the rest;
    what is left is the derivative of the statistics.
    """

    @staticmethod
    def forward(features: Tensor, weight: Tensor, bias: Tensor, each: int, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        means, variances = torch.batch_norm_update_stats(features, None, None, 0.0)
        means, variances = means.float(), variances.float()
        moments = torch.stack([means, torch.addcmul(variances, means, means)]).view(2, *weight.shape, each).mean(3)
        mean, second = moments.unbind()
        variance = torch.addcmul(second, mean, mean, value=-1)
        return _normalised(features, _of_channels(each, weight, bias, mean, variance), eps), mean, variance

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        features, weight, _, each, eps = inputs
        _, mean, variance = output
        ctx.mark_non_differentiable(mean, variance)
        ctx.save_for_backward(features, weight, mean, variance)
        ctx.each, ctx.eps = each, eps

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, mean, variance = ctx.saved_tensors
        weights, means, variances = _of_channels(ctx.each, weight, mean, variance)
        # the last pair is for training's statistics, which are not used here, but CUDA insists on having them
        through, by_weights, by_biases = torch.ops.aten.native_batch_norm_backward(
            grad, features, weights, means, variances, means, variances, False, ctx.eps, [True, True, True]
        )
        by_weight, by_bias = torch.stack([by_weights, by_biases]).view(2, *weight.shape, ctx.each).sum(3).unbind()
        inverse = torch.rsqrt(variance + ctx.eps)
        scale = weight * (inverse * (-1 / (features.numel() / features.shape[1] * ctx.each)))
        slope = scale * inverse * by_weight
        level = torch.addcmul(scale * by_bias, slope, mean, value=-1)
        return through.add_(_affine(features, *_of_channels(ctx.each, slope, level))), by_weight, by_bias, None, None

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        return _side_by_side(_NormaliseAlike, info.batch_size, dims, *inputs)


def _side_by_side(
    function: Any, count: int, dims: tuple[int | None, ...], *inputs: Any
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """Apply a normalisation to networks that train together, which lie side by side in the channels."""
    features, weight, bias, *layout = inputs
    beside = _with(features, dims[0], 1, count).flatten(1, 2)
    weight, bias = (_with(each, dim, 0, count).flatten(0, 1) for each, dim in ((weight, dims[1]), (bias, dims[2])))
    found, mean, variance = function.apply(beside, weight, bias, *layout)
    return (found.unflatten(1, (count, -1)), mean[:, None], variance[:, None]), (1, 0, 0)


def _of_channels(each: int, *of_fields: Tensor) -> tuple[Tensor, ...]:
    """Return numbers of fields (n, F) given to each of their components: (n F each,)."""
    numbers = torch.stack(of_fields).flatten(1)
    return numbers.index_select(1, _fields_of_channels(numbers.shape[1], each, numbers.device)).unbind()


@lru_cache(maxsize=256)
def _fields_of_channels(fields: int, each: int, device: torch.device) -> Tensor:
    return torch.arange(fields).repeat_interleave(each).to(device)


def _normalised(features: Tensor, of_channels: tuple[Tensor, ...], eps: float) -> Tensor:
    """Return features normalised by a weight, a bias, a mean and a variance per channel."""
    weight, bias, mean, variance = of_channels
    return torch.batch_norm(features, weight, bias, mean, variance, False, 0.0, eps, torch.backends.cudnn.enabled)


def _with(values: Tensor, dim: int | None, place: int, count: int) -> Tensor:
    """Return values whose dimension of networks is at ``place``, of which there are ``count``."""
    if dim is None:
        values, dim = values.expand(count, *values.shape), 0
    return values.movedim(dim, place)


def _affine(features: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return features times a scale plus a shift per channel, computed in float32 in one pass."""
    zeros, ones = torch.zeros_like(shift), torch.ones_like(scale)
    # `F.batch_norm` refuses an epsilon of zero in some releases; with these statistics none is needed
    return torch.batch_norm(features, scale, shift, zeros, ones, False, 0.0, 0.0, torch.backends.cudnn.enabled)
