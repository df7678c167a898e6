"""What is left of an equivariant network when learning has ended: a plain network of ordinary convolutions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

M = TypeVar("M", bound=nn.Module)


def export(network: M) -> M:
    """Return a copy in evaluation mode with the same outputs (to rounding), whose convolutions are ``nn.Conv2d``.

    Kernels are expanded once and for all, and normalisations that follow a convolution are folded into it. It needs no
    basis, can be traced or compiled, and costs what `flops_per_example` says. The network itself is left as it is.
    """
    twin = copy.deepcopy(network).eval()
    _make_plain(twin)
    return twin.eval()


def _make_plain(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        plain: Callable[[], nn.Module] | None = getattr(child, "plain", None)  # layers that have an ordinary form
        if plain is not None:
            setattr(module, name, plain().eval())
        else:
            _make_plain(child)
    if isinstance(module, nn.Sequential):
        _fold(module)


def _fold(layers: nn.Sequential) -> None:
    """Fold every normalisation into the convolution right before it."""
    for place in range(len(layers) - 1, 0, -1):
        convolution, normalisation = layers[place - 1], layers[place]
        if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
            layers[place - 1] = fuse_conv_bn_eval(convolution, normalisation)
            del layers[place]
