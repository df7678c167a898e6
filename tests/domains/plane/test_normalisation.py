"""The derivative that the field normalisation writes out is the one that autograd finds of its definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.domains.plane.layers import FieldBatchNorm
from bench.groups import FieldType, Group, irrep, regular, trivial

C4, SO2 = Group(4), Group.parse("SO(2)")
FIELDS = {
    "regular": FieldType(((regular(C4), 3),)),
    "scalars": FieldType.scalars(C4, 5),
    "mixed": FieldType(((trivial(SO2), 2), (irrep(SO2, 1), 2), (irrep(SO2, 2), 1), (trivial(SO2), 3))),
}


def defined(layer: FieldBatchNorm, fields: FieldType, features: Tensor) -> Tensor:
    """The definition, field by field."""
    blocks, channel, place, biased = [], 0, 0, 0
    for rho, count in fields.fields:
        for _ in range(count):
            block = features[:, channel : channel + rho.size]
            mean = block.mean() if rho.permutes else torch.zeros(())
            variance = (block - mean).square().mean()
            block = (block - mean) / torch.sqrt(variance + layer.eps) * layer.weight[place]
            blocks.append(block + layer.bias[biased] if rho.permutes else block)
            channel, place, biased = channel + rho.size, place + 1, biased + rho.permutes
    return torch.cat(blocks, 1)


@pytest.mark.parametrize("name", FIELDS)
def test_values_and_derivatives_are_those_of_the_definition(name: str) -> None:
    fields = FIELDS[name]
    draw = torch.Generator().manual_seed(0)
    layer = FieldBatchNorm(fields).train()
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2.0, generator=draw)
        layer.bias.uniform_(-1.0, 1.0, generator=draw)
    features = torch.randn(6, fields.channels, 5, 5, generator=draw) * 2 + 1
    features = features.contiguous(memory_format=torch.channels_last).requires_grad_()
    upstream = torch.randn(features.shape, generator=draw)
    inputs = [features, layer.weight, layer.bias]
    found, expected = layer(features), defined(layer, fields, features)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(
        torch.autograd.grad(found, inputs, upstream),
        torch.autograd.grad(expected, inputs, upstream),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", FIELDS)
def test_evaluation_uses_what_training_saw(name: str) -> None:
    fields = FIELDS[name]
    layer = FieldBatchNorm(fields, momentum=1.0)
    features = torch.randn(6, fields.channels, 5, 5, generator=torch.Generator().manual_seed(0)) + 1
    trained = layer.train()(features)
    torch.testing.assert_close(layer.eval()(features), trained, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.plain()(features), trained, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FIELDS)
def test_the_derivative_holds_where_a_device_reads_what_training_would_have_kept(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA's derivative takes the mean and the inverse deviation that were saved, whatever mode it is told."""

    def as_cuda_does(
        grad: Tensor, features: Tensor, weight: Tensor, *statistics: Tensor | bool | float | list[bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        _, _, mean, inverse, trains, _, _ = statistics
        assert isinstance(mean, Tensor)
        assert isinstance(inverse, Tensor)
        assert mean.numel() == inverse.numel() == features.shape[1]
        assert trains is False
        whitened = (features - mean[:, None, None]) * inverse[:, None, None]
        through = grad * (weight * inverse)[:, None, None]
        return through, (grad * whitened).sum((0, 2, 3)), grad.sum((0, 2, 3))

    monkeypatch.setattr(torch.ops.aten, "native_batch_norm_backward", as_cuda_does)
    test_values_and_derivatives_are_those_of_the_definition(name)
