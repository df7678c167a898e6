"""Kernels of group convolutions: one free filter, transformed by every element of the group (Cohen & Welling 2016)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from bench.groups import Representation, act


@lru_cache(maxsize=64)
def group_basis(out: Representation, into: Representation, kernel_size: int) -> np.ndarray:
    """Return a basis (n, out.size, in.size, k, k), float32, of the kernels of a group convolution.

    ``out`` is the regular representation, ``into`` the regular or (lifting) the trivial one; n = in.size k^2, one
    element per entry of the filter psi(x, h'). Component h of the output sees (T_h psi)(x, h^-1 h'): equations 10 and
    11 of the paper. T_h permutes pixels, as every element of the group must: an interpolated filter of 3 x 3 pixels has
    another energy at every angle, and is no group convolution. ValueError for other groups and representations.
    """
    elements = out.group.elements
    if out.size != len(elements) or into.size not in (1, len(elements)):
        raise ValueError(
            f"a group convolution leads from a trivial or regular field to a regular one, not {into} to {out}"
        )
    if not out.group.keeps_grid:
        raise ValueError(f"{out.group} has elements that do not permute pixels")
    pixels = kernel_size * kernel_size
    one_hot = torch.eye(pixels, dtype=torch.float64).view(pixels, kernel_size, kernel_size)
    basis = np.zeros((into.size, pixels, out.size, into.size, kernel_size, kernel_size), dtype=np.float32)
    for o, h in enumerate(elements):
        moved = act(one_hot[:, None], h)[:, 0].numpy()
        for i, h_in in enumerate(elements[: into.size]):
            source = elements.index(~h @ h_in) if into.size > 1 else 0
            basis[source, :, o, i] = moved
    basis.setflags(write=False)
    return basis.reshape(-1, *basis.shape[2:])
