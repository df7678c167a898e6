"""Fourier transforms of real functions on the sphere and on SO(3), and back: one FFT and one matrix product each.

A function on the sphere is (..., 2b, 2b): (beta, alpha) on the grid of Driscoll and Healy; one on SO(3) is
(..., 2b, 2b, 2b): (beta, gamma, alpha), longitudes last, for which the FFT is fast. With the Haar measure of mass one,

    F^l_mn = integral of f(g) D^l_mn(g),    f(g) = sum of (2l + 1) F^l_mn conj(D^l_mn(g)),

and a function on the sphere is one on SO(3) that does not depend on gamma, n = 0. As f is real, orders m below zero
follow, ``F^l_-m,-n = (-1)^(m - n) conj(F^l_mn)``, and only m >= 0 are kept: a spectrum is complex (..., l, m, n) with
L x L x (2L - 1) numbers, n from -(L - 1) to L - 1, zero where an order exceeds the degree; of the sphere (..., l, m).
Everything is float32 whatever autocast says: in bfloat16 nothing of the symmetry would be left.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from bench.domains.sphere.wigner import colatitudes, quadrature, small_d


def sphere_spectrum(values: Tensor, degrees: int) -> Tensor:
    """Return the spectrum (..., l, m) up to ``degrees`` (exclusive) of functions (..., 2b, 2b); degrees <= b."""
    bandwidth = values.shape[-1] // 2
    orders = torch.fft.rfft(values.float(), norm="forward")[..., :degrees]
    table = _sphere_table(bandwidth, degrees, True, values.device)
    return _contract(orders.movedim(-1, 0), table).permute(*range(2, values.dim()), 1, 0)


def on_sphere(spectrum: Tensor, bandwidth: int) -> Tensor:
    """Return functions (..., 2b, 2b) of a spectrum (..., l, m) of no more than b degrees."""
    table = _sphere_table(bandwidth, spectrum.shape[-1], False, spectrum.device)
    orders = _contract(spectrum.permute(-1, *range(spectrum.dim() - 2), -2), table.transpose(1, 2))
    values: Tensor = torch.fft.irfft(orders.permute(*range(2, spectrum.dim()), 1, 0), 2 * bandwidth, norm="forward")
    return values


def rotation_spectrum(values: Tensor, degrees: int) -> Tensor:
    """Return the spectrum (..., l, m, n) up to ``degrees`` (exclusive) of functions (..., 2b, 2b, 2b); degrees <= b."""
    bandwidth = values.shape[-1] // 2
    orders = torch.fft.rfft2(values.float(), norm="forward")
    # frequencies of gamma run 0, 1, ..., -1
    orders = (
        torch.cat([orders[..., 1 - degrees :, :degrees], orders[..., :degrees, :degrees]], -2)
        if degrees > 1
        else orders[..., :1, :1]
    )
    lead = values.dim() - 3
    flat = orders.permute(lead + 2, lead + 1, *range(lead), lead).flatten(0, 1)
    found = _contract(flat, _rotation_table(bandwidth, degrees, True, values.device))
    spectrum: Tensor = found.unflatten(0, (degrees, 2 * degrees - 1)).permute(*range(3, 3 + lead), 2, 0, 1)
    return spectrum


def on_rotations(spectrum: Tensor, bandwidth: int) -> Tensor:
    """Return functions (..., 2b, 2b, 2b) of a spectrum (..., l, m, n) of no more than b degrees."""
    degrees, lead = spectrum.shape[-2], spectrum.dim() - 3
    flat = spectrum.permute(lead + 1, lead + 2, *range(lead), lead).flatten(0, 1)
    table = _rotation_table(bandwidth, degrees, False, spectrum.device).transpose(1, 2)
    orders = _contract(flat, table).unflatten(0, (degrees, 2 * degrees - 1)).permute(*range(3, 3 + lead), 2, 1, 0)
    # n = -(L - 1) .. L - 1 to the places of frequencies of an FFT of 2b points
    gap = orders.new_zeros(*orders.shape[:-2], 2 * bandwidth - 2 * degrees + 1, degrees)
    placed = torch.cat([orders[..., degrees - 1 :, :], gap, orders[..., : degrees - 1, :]], -2)
    values: Tensor = torch.fft.irfft2(placed, (2 * bandwidth, 2 * bandwidth), norm="forward")
    return values


def integral(values: Tensor) -> Tensor:
    """Return the integrals (...) of functions on SO(3), (..., 2b, 2b, 2b), with the Haar measure of mass one."""
    return values.mean((-2, -1)) @ _weights(values.shape[-1] // 2, values.device)


def power(spectrum: Tensor) -> Tensor:
    """Return the mean square (...) of functions on SO(3) with a spectrum (..., l, m, n), by Parseval's equation."""
    squares = torch.view_as_real(spectrum).square().sum(-1)
    found: Tensor = (squares * parseval(spectrum.shape[-2], spectrum.device)).sum((-3, -2, -1))
    return found


@lru_cache(maxsize=64)
def parseval(degrees: int, device: torch.device) -> Tensor:
    """Return what each number of a spectrum counts in a mean square, (l, m, 1): 2l + 1, twice where m > 0."""
    sizes = 2 * torch.arange(degrees, device=device, dtype=torch.float32) + 1
    twice = torch.where(torch.arange(degrees, device=device) > 0, 2.0, 1.0)
    return (sizes[:, None] * twice)[..., None]


def whole(spectrum: Tensor) -> Tensor:
    """Return a spectrum (..., l, m, n) with its orders m below zero: (..., l, 2L - 1, 2L - 1)."""
    degrees = spectrum.shape[-2]
    orders = torch.arange(1 - degrees, degrees, device=spectrum.device)
    signs = 1 - 2 * ((orders[: degrees - 1, None] - orders) % 2)
    return torch.cat([spectrum[..., 1:, :].flip(-2, -1).conj() * signs, spectrum], -2)


def _contract(values: Tensor, table: Tensor) -> Tensor:
    """Return products of a real table (orders, J, K) with complex values (orders, ..., K): (orders, J, ...)."""
    lead = values.shape[1:-1]
    # real and imaginary parts as columns of one real product for each order
    columns = torch.view_as_real(values.movedim(-1, 1).contiguous()).flatten(2)
    with torch.autocast(values.device.type, enabled=False):
        product = torch.bmm(table, columns)
    return torch.view_as_complex(product.view(*product.shape[:2], *lead, 2))


@lru_cache(maxsize=64)
def _weights(bandwidth: int, device: torch.device) -> Tensor:
    return torch.from_numpy(quadrature(bandwidth)).to(device=device, dtype=torch.float32)


@lru_cache(maxsize=64)
def _sphere_table(bandwidth: int, degrees: int, forward: bool, device: torch.device) -> Tensor:
    """Return d^l_m0(beta_j), times the weights (forward) or 2l + 1 (inverse): (m, l, j)."""
    table = np.zeros((degrees, degrees, 2 * bandwidth))
    for degree in range(degrees):
        table[: degree + 1, degree] = small_d(degree, colatitudes(bandwidth))[:, degree:, degree].T
    return _scaled(table, bandwidth, forward, device)


@lru_cache(maxsize=64)
def _rotation_table(bandwidth: int, degrees: int, forward: bool, device: torch.device) -> Tensor:
    """Return d^l_mn(beta_j), times the weights (forward) or 2l + 1 (inverse): (m and n, l, j), m >= 0."""
    table = np.zeros((degrees, 2 * degrees - 1, degrees, 2 * bandwidth))
    for degree in range(degrees):
        d = small_d(degree, colatitudes(bandwidth))[:, degree:].transpose(1, 2, 0)
        table[: degree + 1, degrees - 1 - degree : degrees + degree, degree] = d
    return _scaled(table.reshape(-1, degrees, 2 * bandwidth), bandwidth, forward, device)


def _scaled(table: np.ndarray, bandwidth: int, forward: bool, device: torch.device) -> Tensor:
    sizes = 2 * np.arange(table.shape[-2]) + 1
    scaled = table * quadrature(bandwidth) if forward else table * sizes[:, None]
    return torch.from_numpy(scaled).to(device=device, dtype=torch.float32)
