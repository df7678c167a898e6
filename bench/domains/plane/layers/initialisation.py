"""Delta-orthogonal initialisation (Xiao et al. 2018, section 2.4) of convolutions whose kernels may be equivariant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.domains.plane.layers.steerable_convolution import SteerableConv


def delta_orthogonal_(convolution: SteerableConv | nn.Conv2d) -> None:
    """Let a convolution, in place, map each pixel alone, by a random isometry of its channels or onto fewer of them.

    The middle of a kernel that was drawn is an equivariant matrix W, and so is its polar factor, the isometry that is
    nearest to it (W (W^T W)^-1/2 where there are no fewer channels after than before): of an equivariant W with normal
    coefficients it is uniform among the equivariant ones. Where representations share no irrep it is a partial one.
    """
    if isinstance(convolution, SteerableConv):
        coefficients = convolution.coefficients
        with torch.enable_grad():
            kernel = convolution.kernel()
            (products,) = torch.autograd.grad(kernel, coefficients, _isometry(kernel.detach()))
        with torch.no_grad():
            coefficients.copy_(_coordinates(convolution, products))
    else:
        with torch.no_grad():
            convolution.weight.copy_(_isometry(convolution.weight))


def _isometry(kernel: Tensor) -> Tensor:
    """Return a kernel (out, in, k, k) of the polar factor of another one's middle, and of zeros around it."""
    middle = kernel.shape[-1] // 2
    left, stretch, right = torch.linalg.svd(kernel[:, :, middle, middle].double(), full_matrices=False)
    kept = (stretch > 1e-6 * stretch.max()).double()
    wanted = torch.zeros_like(kernel)
    wanted[:, :, middle, middle] = ((left * kept) @ right).to(kernel.dtype)
    return wanted


def _coordinates(layer: SteerableConv, products: Tensor) -> Tensor:
    """Return the coefficients of the kernel whose products with the basis elements, in their order, are given."""
    solved, start = [], 0
    counts = [n_out * n_in for _, n_out in layer.after.fields for _, n_in in layer.before.fields]
    for padded, count in zip(layer.basis.double(), counts, strict=True):
        basis = padded[padded.any(1)]
        of_pair = products.flatten()[start : start + count * len(basis)].double().view(count, len(basis))
        # the rings of a basis overlap
        solved.append(torch.linalg.solve(basis @ basis.mT, of_pair, left=False).flatten())
        start += of_pair.numel()
    return torch.cat(solved).view_as(products).to(products.dtype)
