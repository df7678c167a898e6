"""The Lie derivative: answers that are known, and every family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.domains.plane import FLOWS, Maps, image_network, image_shape
from bench.domains.plane.models.planar import HalvingPool
from bench.geometry import INVARIANT, Law
from bench.groups import FieldType, Group, irrep
from bench.measure import lie_derivative as module
from bench.measure.lie_derivative import lie_derivative
from bench.networks.matching import build
from bench.networks.network import Network
from bench.registry import families

SIZE = 33


def blobs(size: int = SIZE) -> Tensor:
    """Smooth images that vanish before the disc ends, none of them symmetric."""
    at = (torch.arange(size) - (size - 1) / 2) / (size / 2)
    x, y = at.expand(size, size), -at[:, None].expand(size, size)

    def blob(u: float, v: float, width: float) -> Tensor:
        return torch.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * width**2))

    return torch.stack([blob(0.2, 0.1, 0.15), blob(-0.2, 0.25, 0.12) + 0.5 * blob(0.1, -0.3, 0.15)])[:, None]


class Apply(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, features: Tensor) -> Tensor:
        return self.function(features)


def worst_share(function: Callable[[Tensor], Tensor], images: Tensor) -> float:
    """Return the largest share, over the flows, of the change of a map that is not the map's own motion."""
    left, change = relative(SCALARS, function, images), relative(INVARIANT, function, images)
    return max(left[flow] / change[flow] for flow in FLOWS)


SCALARS = Maps(FieldType.scalars(Group(1), 1), SIZE)


def relative(law: Law, function: Callable[[Tensor], Tensor], images: Tensor | None = None) -> dict[str, float]:
    """Return error / scale of a one-layer network by flow."""
    network = image_network(Group(1), {"output": (Apply(function), law)})
    rows = lie_derivative(network, blobs() if images is None else images)
    return {row["element"].removeprefix("d/dt "): row["error"] / row["scale"] for row in rows}


def test_the_identity_is_equivariant_to_everything() -> None:
    assert relative(SCALARS, lambda x: x) == dict.fromkeys(FLOWS, 0.0)


def test_a_pointwise_function_of_smooth_images_nearly_is() -> None:
    assert worst_share(torch.square, blobs()) < 0.02


def test_a_weighted_sum_changes_by_the_sum_of_the_weighted_change() -> None:
    """The mean of x over an image centred at (u, v) moves by -v under rotation and by u under scaling."""
    at = (torch.arange(SIZE) - (SIZE - 1) / 2) / (SIZE / 2)
    x, y = at.expand(SIZE, SIZE), -at[:, None].expand(SIZE, SIZE)
    image = blobs()[:1]
    mass, u, v = image.sum(), (image * x).sum() / image.sum(), (image * y).sum() / image.sum()
    network = image_network(Group(1), {"output": (Apply(lambda f: (f * x).sum((1, 2, 3))[:, None]), INVARIANT)})
    found = {row["element"].removeprefix("d/dt "): row["error"] for row in lie_derivative(network, image)}
    # the flow of scale keeps values, so that areas grow: the integral of x f grows with the third power of the radius
    speed = {"translation x": 1.0, "translation y": 0.0, "rotation": -v, "scale": 3 * u, "shear": v}
    for flow, expected in speed.items():
        assert math.sqrt(found[flow]) == pytest.approx(abs(float(expected * mass)), rel=0.02, abs=1e-3)


def test_a_radial_weight_is_blind_to_rotation_and_a_mean_to_translation() -> None:
    at = (torch.arange(SIZE) - (SIZE - 1) / 2) / (SIZE / 2)
    radius = at[:, None] ** 2 + at**2
    radial = relative(INVARIANT, lambda f: (f * torch.exp(-4 * radius)).sum((1, 2, 3))[:, None])
    assert radial["rotation"] < 1e-4
    assert min(radial[flow] for flow in FLOWS if flow not in ("rotation",)) > 1e-2
    mean = relative(INVARIANT, lambda f: f.mean((1, 2, 3))[:, None])
    assert max(mean["translation x"], mean["translation y"], mean["rotation"], mean["shear"]) < 1e-6
    assert mean["scale"] > 0.1


def gradient(images: Tensor) -> Tensor:
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    along_x = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    along_y = padded[..., :-2, 1:-1] - padded[..., 2:, 1:-1]
    return torch.cat([along_x, along_y], 1)


def test_a_gradient_is_a_vector_field_and_not_two_scalars() -> None:
    rotations = Group.parse("SO(2)")
    as_vector = relative(Maps(FieldType(((irrep(rotations, 1), 1),)), SIZE), gradient)
    as_scalars = relative(Maps(FieldType.scalars(rotations, 2), SIZE), gradient)
    assert as_vector["rotation"] < 0.01
    assert as_scalars["rotation"] > 0.5
    assert as_vector["translation x"] == pytest.approx(as_scalars["translation x"])
    assert "shear" not in as_vector


def test_a_finite_group_has_no_infinitesimal_rotation_of_its_fields() -> None:
    assert "rotation" not in relative(Maps(FieldType(((irrep(Group(8), 1), 1),)), SIZE), gradient)
    assert "translation x" in relative(Maps(FieldType(((irrep(Group(8), 1), 1),)), SIZE), gradient)


@pytest.mark.parametrize("size", [28, 29])
def test_maps_of_half_the_size_move_at_half_the_pixels(size: int) -> None:
    assert worst_share(HalvingPool(), blobs(size)) < 0.12  # a wrong unit of length leaves a quarter or more


def network(name: str, **options: Any) -> Network:
    entry = families[name]
    return build(entry, entry.options.model_validate(options), image_shape(1, 28, 10), 2.0, seed=0).eval()


ALL = [
    ("cnn", {}),
    ("gcnn", {"group": "D4"}),
    ("steerable", {"group": "C8"}),
    ("steerable", {"group": "O(2)", "fields": "irreps"}),
    ("e2cnn", {"group": "C4"}),
    ("hnet", {}),
    ("et", {}),
]


@pytest.mark.parametrize(("name", "options"), ALL)
def test_every_family_has_every_flow_end_to_end(name: str, options: dict[str, Any]) -> None:
    rows = lie_derivative(network(name, **options), blobs(28))
    ends = [row for row in rows if row["layer"] == "output"]
    assert {row["element"] for row in ends} == {f"d/dt {flow}" for flow in FLOWS}
    assert all(math.isfinite(row["error"]) and row["error"] >= 0 and row["samples"] == 2 for row in rows)
    assert {row["metric"] for row in rows} == {module.METRIC + (", by central differences" if name == "et" else "")}


def test_rotation_changes_a_harmonic_network_less_than_a_plain_one() -> None:
    found = {}
    for name in ("hnet", "cnn"):
        rows = lie_derivative(network(name), blobs(28))
        end = next(row for row in rows if row["layer"] == "output" and row["element"] == "d/dt rotation")
        found[name] = end["error"] / end["scale"]
    assert found["hnet"] < 0.05 * found["cnn"]


def test_forward_mode_and_central_differences_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    steerable = network("steerable", group="SO(2)", fields="irreps")
    forward = lie_derivative(steerable, blobs(28))

    def refuse(*_: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(module, "_forward_mode", refuse)
    central = lie_derivative(steerable, blobs(28))
    for a, b in zip(forward, central, strict=True):
        assert (a["layer"], a["element"], a["metric_version"]) == (b["layer"], b["element"], 1)
        assert a["error"] == pytest.approx(b["error"], rel=1e-3, abs=1e-9)
