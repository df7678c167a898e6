"""Pooling of maps."""

from __future__ import annotations

import pytest
import torch

from bench.domains.plane.models.planar import HalvingPool, halved


@pytest.mark.parametrize("size", [8, 9, 14, 15])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_is_the_same_whoever_pads(size: int, layout: torch.memory_format) -> None:
    """Values and gradients, against the mean over what lies inside of each window."""
    features = torch.rand(2, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    features = features.to(memory_format=layout).requires_grad_()
    width = 3 if size % 2 else 4
    windows = [range(max(0, 2 * i - 1), min(size, 2 * i - 1 + width)) for i in range((size + 2 - width) // 2 + 1)]
    means = [features[:, :, list(rows)][..., list(columns)].mean((2, 3)) for rows in windows for columns in windows]
    expected = torch.stack(means, -1).unflatten(-1, (len(windows), len(windows)))
    weights = torch.rand(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (slopes,) = torch.autograd.grad((expected * weights).sum(), features)
    for pads_itself in (True, False):
        found = halved(features, pads_itself)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(torch.autograd.grad((found * weights).sum(), features)[0], slopes)


@pytest.mark.parametrize("size", [8, 9, 16, 17])
def test_a_constant_is_pooled_to_itself_up_to_the_corners(size: int) -> None:
    """What lies outside must not count: a border that is darker tells a network where it is."""
    found = HalvingPool()(torch.full((1, 3, size, size), 2.0))
    assert found.shape[-1] == (size + 1) // 2
    assert torch.allclose(found, torch.full_like(found, 2.0), atol=1e-6)
