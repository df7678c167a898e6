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
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bench.axes import Distinct
from bench.cell import Count
from bench.groups import Element, FieldType, Representation, centred_disc, trivial
from bench.measure.inputs import Inputs, Measured
from bench.models.network import Law, Network, invariant
from bench.registry import Options, measurements

METRIC = "squared Lie derivative / dim"
METRIC_VERSION = 1

# (x, y) -> the velocity of the flow there
Flow = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

FlowName = Literal["translation x", "translation y", "rotation", "scale", "shear"]

FLOWS: Mapping[str, Flow] = {
    "translation x": lambda x, y: (torch.ones_like(x), torch.zeros_like(x)),
    "translation y": lambda x, y: (torch.zeros_like(x), torch.ones_like(x)),
    "rotation": lambda x, y: (-y, x),
    "scale": lambda x, y: (x, y),
    "shear": lambda x, y: (y, torch.zeros_like(x)),
}

_BATCH = 64


class LieOptions(Options):
    """Which generators, on how many images."""

    flows: Annotated[tuple[FlowName, ...], Distinct()] = Field(
        get_args(FlowName), min_length=1, description="generators of the flows"
    )
    samples: Count = Field(64, description="test images")


# of central differences in float64: the error of both the quotient and the rounding is about 1e-10
_STEP = 1e-5
_TURN = 1e-6


@measurements.register("lie_derivative", options=LieOptions, version=1, at_init=True)
def measure(options: LieOptions, network: Network, inputs: Inputs) -> Measured:
    """Lie derivative (local equivariance error) by translation, rotation, scale and shear, per layer and end to end."""
    return Measured(rows=lie_derivative(network, inputs.upright[0][: options.samples], options.flows))


@torch.no_grad()
def lie_derivative(network: Network, images: Tensor, flows: Sequence[str] = tuple(FLOWS)) -> list[dict[str, Any]]:
    """Return one row per generator and layer on which it acts, for images (N, C, S, S), taken on their centred disc.

    A rotation acts on scalar fields, and on others whose group has every rotation; the other generators act on the maps
    alone, and shear has no row for fields that are not scalar. Where an operation has no forward-mode derivative, the
    network is differentiated by central differences in float64, and the metric's name says so.
    """
    network.eval()
    sums: dict[tuple[str, str], list[Tensor]] = {}
    how = METRIC
    for batch in (images * centred_disc(images)).split(_BATCH):
        for name in flows:
            tangent = _moving(batch, FLOWS[name], batch.shape[-1])
            try:
                values, derivatives = _forward_mode(network, batch, tangent)
            except NotImplementedError:
                values, derivatives = _central_differences(network, batch, tangent)
                how = f"{METRIC}, by central differences"
            for layer, features in values.items():
                law = _infinitesimal(network.laws[layer], name, batch.shape[-1])
                if law is not None:
                    errors = _mean_square(derivatives[layer] - law(features))
                    sums.setdefault((name, layer), []).append(torch.stack([errors, _mean_square(features)]))
    return [_row(name, layer, how, torch.cat(parts, 1)) for (name, layer), parts in sums.items()]


def _forward_mode(network: Network, images: Tensor, tangent: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    values, derivatives, *_ = torch.func.jvp(lambda x: dict(network.trace(x)), (images,), (tangent,))
    return values, derivatives


@torch.no_grad()
def _central_differences(
    network: Network, images: Tensor, tangent: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    exact, x, dx = copy.deepcopy(network).double(), images.double(), tangent.double()
    after, before = (dict(exact.trace(x + sign * _STEP * dx)) for sign in (1, -1))
    derivatives = {layer: ((after[layer] - before[layer]) / (2 * _STEP)).to(images.dtype) for layer in after}
    return dict(network.trace(images)), derivatives


def _moving(maps: Tensor, flow: Flow, image_size: int) -> Tensor:
    """Return d/dt T_exp(tX) of maps (B, C, S, S) at t = 0: -v . grad, with zeros outside."""
    size = maps.shape[-1]
    half = image_size / 2 / round(image_size / size)  # of the image's side, in pixels of the map
    offset = (torch.arange(size, device=maps.device, dtype=maps.dtype) - (size - 1) / 2) / half
    x, y = offset.expand(size, size), -offset[:, None].expand(size, size)
    padded = torch.nn.functional.pad(maps, (1, 1, 1, 1))
    along_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) * (half / 2)
    along_y = (padded[..., :-2, 1:-1] - padded[..., 2:, 1:-1]) * (half / 2)
    u, v = flow(x, y)
    return -(u * along_x + v * along_y)


def _infinitesimal(law: Law, flow: str, image_size: int) -> Callable[[Tensor], Tensor] | None:
    """Return dT'_X of a layer with this law, or None where the generator does not act on it."""
    if law is invariant:
        return torch.zeros_like
    fields = getattr(law, "__self__", None)
    if not isinstance(fields, FieldType):
        return None
    turning = [(rho, count) for rho, count in fields.fields if rho != trivial(fields.group)]
    if turning and (flow == "shear" or (flow == "rotation" and fields.group.rotations is not None)):
        return None

    def act(features: Tensor) -> Tensor:
        moved = torch.zeros_like(features) if features.dim() == 2 else _moving(features, FLOWS[flow], image_size)
        return moved + _turned(fields, features) if turning and flow == "rotation" else moved

    return act


def _turned(fields: FieldType, features: Tensor) -> Tensor:
    """Return the derivative of the action on channels, by the angle in radians."""
    blocks = torch.split(features, fields.widths, dim=1)
    parts = []
    for (rho, count), block in zip(fields.fields, blocks, strict=True):
        generator = torch.as_tensor(_generator(rho), dtype=features.dtype, device=features.device)
        apart = block.unflatten(1, (count, rho.size))
        parts.append(torch.einsum("ij,bcj...->bci...", generator, apart).flatten(1, 2))
    return torch.cat(parts, 1)


def _generator(rho: Representation) -> np.ndarray:
    """Return the derivative of a representation by the angle at the identity (size, size)."""
    there, back = (rho(Element.rotation(sign * math.degrees(_TURN))) for sign in (1, -1))
    generator: np.ndarray = (there - back) / (2 * _TURN)
    return generator


def _mean_square(features: Tensor) -> Tensor:
    """Return ||f||^2 / dim of each sample (B,), maps on their centred disc."""
    if features.dim() == 4:
        inside = centred_disc(features).bool()
        features = features[..., inside]
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
