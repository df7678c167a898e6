"""How large a network is: its trainable parameters and the FLOPs of an image."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.geometry import Shape


def _product(left: Tensor, right: Tensor, *, out_val: Any = None, **_: Any) -> int:
    """Return the FLOPs of a product of matrices (..., I, J) and (..., J, K); one of complex numbers is four real ones.

    torch's own count takes complex numbers for real ones.
    """
    return 2 * left.numel() * right.shape[-1] * (4 if left.is_complex() else 1)


_product._get_raw = True  # type: ignore[attr-defined]  # the counter gives the tensors, not their shapes
_PRODUCTS = {torch.ops.aten.mm: _product, torch.ops.aten.bmm: _product}


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable numbers."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@torch.no_grad()
def count_flops(network: nn.Module, shape: Shape) -> int:
    """Return the FLOPs of one more image in a forward pass: what a batch shares (expanding kernels) is not in it.

    This is the cost of the exported network, of ordinary convolutions alone. Counts multiplications and additions of
    convolutions and matrix products, as torch's counter does.
    """
    of_two = _flops(network.eval(), shape, 2)
    return of_two - _flops(network.eval(), shape, 1)  # anew, as a network keeps what it expanded


def count_training_flops(network: nn.Module, shape: Shape, batch_size: int) -> float:
    """Return the FLOPs of training per image: forward and backward of a step, kernels expanded, over its images.

    From steps of two and of three images, as the cost of a step is linear in its images; the network stays as it is.
    """
    training = copy.deepcopy(network).train()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        two, three = (_flops(training, shape, count, backward=True) for count in (2, 3))
    per_image = three - two
    return per_image + (two - 2 * per_image) / batch_size


def _flops(network: nn.Module, shape: Shape, images: int, backward: bool = False) -> int:
    device = next(network.parameters()).device
    with FlopCounterMode(display=False, custom_mapping=_PRODUCTS) as counter:
        outputs = network(shape.example(images, device))
        if backward:
            outputs.sum().backward()
    return int(counter.get_total_flops())
