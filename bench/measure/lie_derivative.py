"""The Lie derivative of a network: its local equivariance error, end to end and per layer (Gruver et al. 2022).

For a generator X of transformations of the plane, with flow exp(tX), acting on inputs by T and on outputs by T',

    L_X F(x) = d/dt [T'_exp(-tX) F(T_exp(tX) x)] at t = 0 = J_F(x) [dT_X x] - dT'_X F(x),

which is zero for every x where F is equivariant. The error of a layer is E_x ||L_X F(x)||^2 / dim F(x), as the paper
has it (the authors' code reports a mean of absolute values instead). ``scale`` is E_x ||F(x)||^2 / dim F(x) at the same
place: error / scale compares networks whose features differ in size.

The Jacobian is applied by forward-mode differentiation. On maps, dT_X f = -v_X . grad f with v_X the velocity field of
the flow and the gradient by central differences, which is that of the cubic convolution interpolant (Keys 1981) at the
pixels; coordinates are in units of half the image's side, from its centre, x right and y up. Logits stay: dT' = 0.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor
from torch.autograd import forward_ad

from bench.axes import Distinct
from bench.cell import Count
from bench.geometry import Law, on_support
from bench.measure.inputs import Inputs, Measured
from bench.networks.network import Network
from bench.registry import Options, measurements

METRIC = "squared Lie derivative / dim"
METRIC_VERSION = 1

FlowName = Literal["translation x", "translation y", "rotation", "scale", "shear"]

_BATCH = 64


class LieOptions(Options):
    """Which generators, on how many images."""

    flows: Annotated[tuple[FlowName, ...], Distinct()] = Field(
        get_args(FlowName), min_length=1, description="generators of the flows"
    )
    samples: Count = Field(64, description="test images")


# of central differences in float64: the error of both the quotient and the rounding is about 1e-10
_STEP = 1e-5


@measurements.register("lie_derivative", options=LieOptions, version=1, at_init=True)
def measure(options: LieOptions, network: Network, inputs: Inputs) -> Measured:
    """Lie derivative (local equivariance error) by translation, rotation, scale and shear, per layer and end to end."""
    return Measured(rows=lie_derivative(network, inputs.upright[0][: options.samples], options.flows))


@torch.no_grad()
def lie_derivative(network: Network, inputs: Tensor, flows: Sequence[str] = get_args(FlowName)) -> list[dict[str, Any]]:
    """Return one row per generator and layer on which it acts, for inputs on the support of their law.

    A rotation acts on scalar fields, and on others whose group has every rotation; the other generators act on the maps
    alone, and shear has no row for fields that are not scalar. Where an operation has no forward-mode derivative, the
    network is differentiated by central differences in float64, and the metric's name says so.
    """
    network.eval()
    sums: dict[tuple[str, str], list[Tensor]] = {}
    how, law = METRIC, network.laws["input"]
    for batch in on_support(inputs, law).split(_BATCH):
        for name in flows:
            tangent = law.derivative(batch, name)
            if tangent is None:
                continue
            try:
                values, derivatives = _forward_mode(network, batch, tangent)
            except NotImplementedError:
                values, derivatives = _central_differences(network, batch, tangent)
                how = f"{METRIC}, by central differences"
            for layer, features in values.items():
                own = network.laws[layer]
                expected = own.derivative(features, name)
                if expected is not None:
                    errors = _mean_square(derivatives[layer] - expected, own)
                    sums.setdefault((name, layer), []).append(torch.stack([errors, _mean_square(features, own)]))
    return [_row(name, layer, how, torch.cat(parts, 1)) for (name, layer), parts in sums.items()]


def _forward_mode(network: Network, images: Tensor, tangent: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    # dual numbers, not `torch.func.jvp`: its wrappers would outlive it in kernels that are kept
    with forward_ad.dual_level():
        traced = dict(network.trace(forward_ad.make_dual(images, tangent)))
        duals = {layer: forward_ad.unpack_dual(features) for layer, features in traced.items()}
    values = {layer: dual.primal for layer, dual in duals.items()}
    still = {layer: torch.zeros_like(value) for layer, value in values.items()}
    return values, {layer: still[layer] if dual.tangent is None else dual.tangent for layer, dual in duals.items()}


@torch.no_grad()
def _central_differences(
    network: Network, images: Tensor, tangent: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    exact, x, dx = copy.deepcopy(network).double(), images.double(), tangent.double()
    after, before = (dict(exact.trace(x + sign * _STEP * dx)) for sign in (1, -1))
    derivatives = {layer: ((after[layer] - before[layer]) / (2 * _STEP)).to(images.dtype) for layer in after}
    return dict(network.trace(images)), derivatives


def _mean_square(features: Tensor, law: Law) -> Tensor:
    """Return ||f||^2 / dim of each sample (B,), on the support of its law."""
    weights = law.weights(features)
    if weights is not None:
        features = features[..., weights.bool()]
    return features.flatten(1).square().mean(1)


def _row(flow: str, layer: str, metric: str, values: Tensor) -> dict[str, Any]:
    errors, scales = values
    return {
        "layer": layer,
        "element": f"d/dt {flow}",
        "kind": "flow",
        "magnitude": None,
        "unit": None,
        "error": float(errors.mean()),
        "error_max": float(errors.max()),
        "floor": None,
        "scale": float(scales.mean()),
        "samples": values.shape[1],
        "metric": metric,
        "metric_version": METRIC_VERSION,
    }
