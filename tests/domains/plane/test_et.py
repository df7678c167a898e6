"""Equivariant Transformers: canonical coordinates, equivariant poses, one resampling, and training."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.axes import check
from bench.domains.plane import image_shape
from bench.domains.plane.models import canonical
from bench.domains.plane.models.et import EtOptions
from bench.domains.plane.models.poses import Canonicalise, Name, transformation
from bench.errors import Impossible, UserError
from bench.geometry import Shape
from bench.groups import Element, Group, transform
from bench.measure import equivariance_error
from bench.networks.network import Network
from bench.registry import families
from tests import tolerances
from tests.training import train

NAMES: tuple[Name, ...] = get_args(Name)


def build(shape: Shape, width: float = 2.3, seed: int = 0, **options: object) -> Network:
    torch.manual_seed(seed)
    return families["et"].make(EtOptions(**options), shape, width).eval()


def undo(network: Network) -> Canonicalise:
    stage = network.stages["canonical"]
    assert isinstance(stage, Canonicalise)
    return stage


def blobs(size: int, seed: int, matrix: Tensor | None = None, count: int = 3, width: float = 0.12) -> Tensor:
    """Smooth images (count, 1, size, size), moved exactly by a homography (3, 3): each is a known function."""
    draw = torch.Generator().manual_seed(seed)
    points = torch.tensor(canonical.cartesian(size))
    if matrix is not None:
        points = canonical.move(torch.linalg.inv(matrix.double())[None], points)[0]
    centres = torch.rand(count, 5, 1, 1, 2, generator=draw, dtype=torch.float64) - 0.5
    heights = torch.rand(count, 5, 1, 1, generator=draw, dtype=torch.float64) + 0.5
    distances = ((points - centres) ** 2).sum(-1)
    return (heights * torch.exp(-distances / (2 * width**2))).sum(1, keepdim=True).float()


def poses(network: Network, images: Tensor) -> Tensor:
    """Return the parameters (B, n) of all layers."""
    with torch.no_grad():
        return torch.cat(undo(network).poses(images)[1], 1)


@given(st.sampled_from(NAMES), st.integers(16, 33), st.integers(-3, 3))
@settings(max_examples=40)
def test_a_transformation_shifts_its_canonical_coordinates(name: Name, size: int, samples: int) -> None:
    kind = transformation(name, size, EtOptions())
    for place, pose in enumerate(kind.poses):
        parameters = [torch.zeros(1, dtype=torch.float64) for _ in kind.poses]
        parameters[place] += samples * kind.axes[pose].step
        points = torch.tensor(kind.points)
        moved = canonical.move(kind.matrix(*parameters), points)[0]
        expected = points.roll(-samples, pose)
        rows = torch.arange(points.shape[pose]) + samples
        inside = torch.ones_like(rows, dtype=torch.bool)
        if not kind.axes[pose].periodic:
            inside = (rows >= 0) & (rows < points.shape[pose])
        torch.testing.assert_close(
            moved.movedim(pose, 0)[inside],
            expected.movedim(pose, 0)[inside],
            rtol=tolerances.REPRESENTATION,
            atol=tolerances.REPRESENTATION,
        )


def settled(network: Network, size: int) -> Network:
    """Give the normalisations of the predictors the statistics of blobs, as training would."""
    for module in undo(network).modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    undo(network).train()
    poses(network, blobs(size, 1, count=32))
    return network.eval()


@pytest.mark.parametrize("seed", range(24))
def test_the_predicted_angle_turns_exactly_by_quarters(seed: int) -> None:
    size = 16 + seed
    network = settled(build(image_shape(1, size, 10), seed=seed), size)
    images = blobs(size, seed)
    for quarters in (1, 2, 3):
        moved = torch.rot90(images, quarters, (2, 3))
        difference = poses(network, moved) - poses(network, images) - quarters * math.pi / 2
        assert wrapped(difference).abs().max() <= tolerances.POSE_AT_QUARTERS


def test_the_predicted_angle_turns_with_the_image() -> None:
    """At multiples of the distance of two heat-map samples, by the medians over images and over networks.

    A pose that jumps to another peak is no error of most images, and a network whose heat map is flat none of most.
    """
    size = 64
    errors = []
    for seed in range(10):
        network = settled(build(image_shape(1, size, 10), seed=seed), size)
        angle = 2 * math.pi * (6 * seed + 5) / size
        matrix = canonical.similarity(torch.zeros(1), torch.tensor([angle]))[0]
        images, moved = (blobs(size, seed, m, count=12, width=0.2) for m in (None, matrix))
        errors.append(wrapped(poses(network, moved) - poses(network, images) - angle).abs().median())
    assert torch.stack(errors).median() <= tolerances.POSE_AT_GRID_STEPS


def wrapped(angles: Tensor) -> Tensor:
    return torch.remainder(angles + math.pi, 2 * math.pi) - math.pi


@pytest.mark.parametrize(
    ("name", "amount"),
    [("scale", 0.2), ("shear-x", 0.4), ("shear-y", -0.4), ("aspect", 0.15), ("perspective-x", 0.2)],
)
def test_other_predicted_poses_follow_the_image(name: Name, amount: float) -> None:
    """Windows of these coordinates end, so that the law holds for most images and networks, about."""
    size = 24
    matrix = transformation(name, size, EtOptions()).matrix(torch.tensor([amount]))[0]
    differences = []
    for seed in range(12):
        network = build(image_shape(1, size, 10), seed=seed, transformers=(name,))
        with torch.no_grad():
            undo(network).predictors[0].sharpness.fill_(30.0)
        settled(network, size)
        differences.append(poses(network, blobs(size, seed, matrix, 8)) - poses(network, blobs(size, seed, count=8)))
    moved = torch.cat(differences).median() / amount
    assert abs(moved - 1) <= tolerances.POSE_IN_A_WINDOW


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (17, 3), (33, 1), (64, 1), (65, 3)])
@pytest.mark.parametrize("coordinates", ["cartesian", "log-polar"])
def test_every_stage_is_invariant_under_quarter_turns(size: int, channels: int, coordinates: str) -> None:
    network = build(image_shape(channels, size, 10), coordinates=coordinates, transformers=("rotation", "shear-x"))
    assert str(network.group) == "SO(2)"
    images = blobs(size, 3, count=2 * channels).view(2, channels, size, size)
    with torch.no_grad():
        before = dict(network.trace(images))
        for quarters in (1, 2, 3):
            g = Element.rotation(90 * quarters)
            for name, features in network.trace(torch.rot90(images, quarters, (2, 3))):
                expected = network.laws[name].act(before[name], g)
                assert (features - expected).norm() <= tolerances.EXACT_IN_FLOAT32 * expected.norm(), name


def test_laws_refuse_what_is_not_undone() -> None:
    features = torch.randn(1, 1, 16, 16)
    turn, mirror = Element.rotation(30), Element(mirror=True)
    rotates, shears = build(image_shape(1, 16, 10)), build(image_shape(1, 16, 10), transformers=("shear-x", "rotation"))
    for network, g in [(rotates, mirror), (shears, mirror), (shears, turn)]:
        for name in ("canonical", "block1", "invariants"):
            with pytest.raises(ValueError, match=r"not undone"):
                network.laws[name].act(features, g)
    assert rotates.laws["canonical"].act(features, turn) is features
    assert str(shears.group) == "PGL(3)"


def test_a_sequence_resamples_the_original_once() -> None:
    """The canonical image is the known function of the blobs at T_1 T_2 p, not a resampled resampling."""
    size = 32
    network = build(image_shape(1, size, 10), transformers=("rotation", "scale"))
    with torch.no_grad():
        undo(network).predictors[0].offsets.fill_(0.3)
        undo(network).predictors[1].offsets.fill_(-0.2)
        images = blobs(size, 5)
        found = network.stages["canonical"](images)
        angle, log_scale = poses(network, images).unbind(1)
    for i, matrix in enumerate(canonical.similarity(log_scale, angle)):
        expected = blobs(size, 5, torch.linalg.inv(matrix))[i]
        assert (found[i] - expected).abs().max() <= tolerances.ONE_BILINEAR_RESAMPLING * expected.abs().max()


def test_points_behind_the_horizon_are_outside_the_image() -> None:
    points = torch.tensor([[[-0.9, 0.1], [0.5, 0.1]]])
    matrix = canonical.rows_of((1, 0, 0), (0, 1, 0), (torch.tensor([2.0]), 0, 1))
    sampled = canonical.sample(torch.ones(1, 1, 16, 16), canonical.move(matrix, points))
    assert sampled[0, 0, 0].tolist() == [0.0, 1.0]


def test_a_log_polar_classifier_wraps_around_the_angle() -> None:
    network = build(image_shape(1, 16, 10), coordinates="log-polar", transformers=("scale",))
    maps = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        after = [stage for name, stage in network.stages.items() if name != "canonical"]
        logits, moved = maps, maps.roll(4, 2)  # two poolings halve the angles twice
        for stage in after:
            logits, moved = stage(logits), stage(moved)
    torch.testing.assert_close(moved, logits, rtol=tolerances.EXACT_IN_FLOAT32, atol=tolerances.EXACT_IN_FLOAT32)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("shape", "coordinates"), [(image_shape(1, 16, 2), "cartesian"), (image_shape(3, 21, 5), "log-polar")]
)
def test_every_transformer_builds_and_trains(name: Name, shape: Shape, coordinates: str) -> None:
    options = EtOptions(transformers=(name, "rotation"), coordinates=coordinates)
    torch.manual_seed(0)
    network = families["et"].make(options, shape, 1.7).train()
    images = torch.rand(8, shape.channels, shape.size, shape.size).clone(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(images)
    assert logits.shape == (8, shape.outputs)
    F.cross_entropy(logits.float(), torch.arange(8) % 2).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert any(bool(p.grad.any()) for p in undo(network).predictors.parameters())
    with torch.device("meta"):
        abstract = families["et"].make(options, shape, 1.7)
    assert [p.shape for p in abstract.parameters()] == [p.shape for p in network.parameters()]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"transformers": ["rotate"]}, "rotation"),
        ({"transformers": []}, "at least 1"),
        ({"predictor_kernel": 4}, "odd"),
        ({"max_scale": 1.0}, "greater than 1"),
        ({"coordinates": "polar"}, "log-polar"),
    ],
)
def test_bad_options_are_told_apart(raw: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(raw, EtOptions, "suite.yaml: families[0]")


def test_small_images_are_impossible() -> None:
    with pytest.raises(Impossible, match="15 pixels"):
        build(image_shape(1, 15, 10))


def test_it_learns_shapes_upright_and_knows_them_turned() -> None:
    """An L against a T, always upright in training, turned by any angle in the test, where a plain network fails."""
    size, count = 16, 128
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    images = torch.zeros(count, 1, size, size)
    images[:, 0, 3:13, 7:9] = 1
    images[labels == 0, 0, 11:13, 7:12] = 1
    images[labels == 1, 0, 3:5, 4:12] = 1
    images += 0.1 * torch.randn(images.shape, generator=draw)
    network = build(image_shape(1, size, 2), channels=(1, 1, 2, 2))
    train(network, images, labels, steps=40, batch_size=32)
    network.eval()
    moved = transform(images, torch.rand(count, generator=draw), torch.zeros(count, dtype=torch.bool))
    with torch.no_grad():
        accuracy = float((network(moved).argmax(1) == labels).float().mean())
    assert accuracy >= tolerances.LEARNT_TWO_SHAPES


# the released network


def released(**options: object) -> Network:
    entry = families["et-released"]
    return entry.make(entry.options(**options), image_shape(1, 64, 10), 32).eval()


def test_the_released_network_has_its_parameters() -> None:
    """88,946 published: its four predictors have a heat map for either axis, of which one is used, and no sharpness."""
    assert sum(p.numel() for p in released().parameters()) == 88_946 - 4 * (3 * 32 + 1 - 1)
    assert sum(p.numel() for p in released(transformers=()).parameters()) == 49_642


def test_log_polar_coordinates_make_a_rotation_roll_every_layer() -> None:
    """And the maximum over space forgets where the rows are."""
    network = released(transformers=())
    assert network.group == Group(4)
    for row in equivariance_error(network, blobs(64, seed=0), [Element.rotation(90)]):
        limit = tolerances.EXACT_LOGITS if row["layer"] == "output" else tolerances.EXACT_HIDDEN_FEATURES
        assert row["error_max"] <= limit, row


@pytest.mark.parametrize(
    ("options", "group"),
    [
        ({}, "PGL(3)"),
        ({"transformers": ("rotation",)}, "SO(2)"),
        ({"transformers": (), "coordinates": "cartesian"}, "C1"),
    ],
)
def test_a_network_promises_what_its_transformers_undo(options: dict[str, object], group: str) -> None:
    assert str(released(**options).group) == group


def test_heat_maps_on_a_circle_start_as_sharp_as_asked() -> None:
    for sharpness in (1.0, 10.0):
        network = build(image_shape(1, 16, 10), transformers=("rotation", "shear-x"), sharpness=sharpness)
        started = [predictor.sharpness.item() for predictor in undo(network).predictors]
        assert started == [sharpness, 1.0]


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_pose_samples_set_the_steps_of_the_angle(samples: int) -> None:
    axis = transformation("rotation", 16, EtOptions(pose_samples=samples)).axes[0]
    assert axis.step == pytest.approx(2 * math.pi / (16 * samples))
