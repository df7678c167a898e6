"""Correlations in the spectrum (Cohen et al. 2018, equations 9 to 11), with real kernels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def correlated(spectrum: Tensor, kernel: Tensor, degrees: int) -> Tensor:
    """Return the correlation of functions (B, C, l, m, k) with kernels (O, C, l, n, k): (B, O, l, m, n).

    ``Z^l_mn = sum over c and k of X^l_mk conj(Y^l_nk)``, up to ``degrees`` (exclusive). Functions on the sphere have
    k = 0 alone, and give functions on SO(3); kernels with n = 0 alone bring functions on SO(3) back to the sphere. One
    matrix product for each degree, of the orders that it has: padded to the highest it would be three times as much.
    """
    columns, orders = kernel.shape[-1], kernel.shape[-2]
    of_inputs, of_kernels = spectrum.unbind(2), kernel.unbind(2)
    found = []
    with torch.autocast(spectrum.device.type, enabled=False):
        for degree in range(degrees):
            inputs = of_inputs[degree][:, :, : degree + 1, _centred(spectrum.shape[-1], degree)]
            weights = of_kernels[degree][:, :, _centred(orders, degree), _centred(columns, degree)]
            product = torch.einsum("bcmk,ocnk->bomn", inputs, weights.conj())
            beside = (degrees - 1 - degree) if orders > 1 else 0
            # padding of complex numbers is that of pairs of real ones
            pairs = F.pad(torch.view_as_real(product), (0, 0, beside, beside, 0, degrees - 1 - degree))
            found.append(pairs)
    return torch.view_as_complex(torch.stack(found, 2))


def _centred(width: int, degree: int) -> slice:
    """Return the places of orders -l to l among 2L - 1, or the only one."""
    middle = width // 2
    reach = min(degree, middle)
    return slice(middle - reach, middle + reach + 1)
