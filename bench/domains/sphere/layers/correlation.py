"""Correlations in the spectrum (Cohen et al. 2018, equations 9 to 11), with real kernels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def correlated(spectrum: Tensor, kernel: Tensor, degrees: int) -> Tensor:
    """Return the correlation of functions (B, C, l, m, k, 2) with complex kernels (O, C, l, n, k): (B, O, l, m, n, 2).

    ``Z^l_mn = sum over c and k of X^l_mk conj(Y^l_nk)``, up to ``degrees`` (exclusive). Functions on the sphere have
    k = 0 alone, and give functions on SO(3); kernels with n = 0 alone bring functions on SO(3) back to the sphere. One
    matrix product for each degree, of the orders that it has: padded to the highest it would be three times as much.
    """
    columns, orders = spectrum.shape[4], kernel.shape[3]
    numbers = torch.view_as_complex(spectrum.permute(2, 3, 0, 4, 1, 5).contiguous())  # (l, m, B, k, C)
    of_inputs, of_kernels = numbers.unbind(), kernel.permute(2, 4, 1, 0, 3).conj().unbind()  # (k, C, O, n)
    degrees_of = []
    with torch.autocast(spectrum.device.type, enabled=False):
        for degree in range(degrees):
            inputs = of_inputs[degree][: degree + 1, :, _centred(columns, degree)].flatten(2)
            weights = of_kernels[degree][_centred(columns, degree), ..., _centred(orders, degree)].flatten(0, 1)
            product = inputs @ weights.flatten(1).resolve_conj()
            parts = torch.view_as_real(product.unflatten(-1, weights.shape[1:])).permute(0, 3, 4, 1, 2)
            beside = (degrees - 1 - degree) if orders > 1 else 0
            degrees_of.append(F.pad(parts, (0, 0, 0, 0, 0, 0, beside, beside, 0, degrees - 1 - degree)))
    return torch.stack(degrees_of, 3).permute(4, 5, 3, 0, 1, 2)  # in memory as the transforms want it


def _centred(width: int, degree: int) -> slice:
    """Return the places of orders -l to l among 2L - 1, or the only one."""
    middle = width // 2
    reach = min(degree, middle)
    return slice(middle - reach, middle + reach + 1)
