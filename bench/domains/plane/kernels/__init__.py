"""Spaces of equivariant kernels on the plane, solved by the project itself; no layers.

An equivariant convolution is one whose kernel obeys K(g x) = rho_out(g) K(x) rho_in(g)^-1 for every g of the group
(Weiler & Cesa 2019, equation 2). The radial part is free; the angular part is a small linear problem.
"""

from bench.domains.plane.kernels.basis import kernel_basis
from bench.domains.plane.kernels.decomposition import decompose
from bench.domains.plane.kernels.group_basis import group_basis

__all__ = ["decompose", "group_basis", "kernel_basis"]
