from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from bench.domains.plane import Maps, image_network, image_shape
from bench.domains.plane.layers import SteerableConv
from bench.execute.data import load_data
from bench.geometry import INVARIANT, domain
from bench.groups import Element, FieldType, Group, act, centred_disc, regular
from bench.measure import equivariance_error, peak_memory, reset_peak_memory, score
from bench.measure.batches import at_once
from bench.networks.matching import build
from bench.networks.network import Network
from bench.networks.size import count_flops, count_parameters, count_training_flops
from bench.registry import families, measurements
from bench.tasks import REGRESSION

TURNED, TILTED = Element.rotation(90), Element.rotation(30)


class Shift(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.roll(1, -1)


class Mean(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))


def network(module: nn.Module) -> Network:
    scalars = Maps(FieldType.scalars(Group(1), 2), 9)
    return image_network(Group(1), {"maps": (module, scalars), "output": (Mean(), INVARIANT)})


def rows_of(module: nn.Module, g: Element, images: Tensor) -> dict[str, dict]:
    return {row["layer"]: row for row in equivariance_error(network(module), images, [g])}


def smooth(size: int = 33) -> Tensor:
    axis = torch.linspace(-3, 3, size)
    bump = torch.exp(-((axis[:, None] - 0.7) ** 2) - (axis**2) / 2)
    return torch.stack([bump, bump.T * 2])[None]


def test_an_equivariant_map_has_no_error_and_a_shift_has_one() -> None:
    images = torch.rand(4, 2, 12, 12)
    assert rows_of(nn.Identity(), TURNED, images)["maps"]["error"] == 0
    assert rows_of(Shift(), TURNED, images)["maps"]["error"] > 0.3


def test_the_error_is_the_definition_computed_by_hand() -> None:
    images = torch.rand(3, 2, 9, 9)
    row = rows_of(Shift(), TURNED, images)["maps"]
    on_disc = images * centred_disc(images)
    found = act(on_disc, TURNED).roll(1, -1) * centred_disc(images)
    expected = act(on_disc.roll(1, -1), TURNED) * centred_disc(images)
    ratios = [float((f - e).norm() / e.norm()) for f, e in zip(found, expected, strict=True)]
    assert row["error"] == pytest.approx(sum(ratios) / 3, rel=1e-5)
    assert row["error_max"] == pytest.approx(max(ratios), rel=1e-5)


def test_the_floor_is_zero_on_the_grid_and_grows_with_detail_off_it() -> None:
    fine = torch.rand(2, 2, 33, 33)
    assert rows_of(nn.Identity(), TURNED, fine)["maps"]["floor"] == 0
    smooth_floor = rows_of(nn.Identity(), TILTED, smooth())["maps"]["floor"]
    fine_floor = rows_of(nn.Identity(), TILTED, fine)["maps"]["floor"]
    assert 0 < smooth_floor < 0.1 < fine_floor


def test_the_input_row_tells_what_resampling_the_image_costs() -> None:
    row = rows_of(nn.Identity(), TILTED, smooth())["input"]
    assert row["error"] == 0
    assert row["floor"] > 0


def test_nan_is_an_error_not_a_pass() -> None:
    class Poison(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images * math.nan

    assert math.isnan(rows_of(Poison(), TURNED, torch.rand(2, 2, 9, 9))["maps"]["error"])


def test_a_difference_from_zero_is_infinite() -> None:
    class Corner(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images[:, :, 4:5, 0:1] * torch.ones_like(images)

    image = torch.zeros(1, 2, 9, 9)
    image[0, :, 0, 4] = 1  # at the top; a quarter turn brings it to the left
    assert rows_of(Corner(), TURNED, image)["maps"]["error"] == math.inf


def test_layers_without_an_action_of_the_element_have_no_row() -> None:
    quarters = Maps(FieldType(((regular(Group(2)), 1),)), 9)
    net = image_network(Group(1), {"maps": (nn.Identity(), quarters), "output": (Mean(), INVARIANT)})
    rows = equivariance_error(net, torch.rand(2, 2, 9, 9), [TURNED])
    assert [row["layer"] for row in rows] == ["input", "output"]


def test_the_invariance_rate_is_the_share_of_kept_predictions() -> None:
    class LeftHalf(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images * (torch.arange(images.shape[-1]) < images.shape[-1] // 2)

    images = torch.zeros(4, 2, 8, 8)
    left, right = images[:, :, 4, 1], images[:, :, 3, 6]  # half a turn exchanges them
    left[0, 0] = right[0, 1] = 1  # class 0, and turned class 1
    left[1, 0] = right[1, 0] = 1
    left[2, 1] = right[2, 1] = 1
    left[3, 1] = right[3, 1] = 2
    assert rows_of(LeftHalf(), Element.rotation(180), images)["output"]["invariance_rate"] == 0.75


@pytest.mark.parametrize(("size", "rows"), [(8, [4, 6, 8, 8, 8, 8, 6, 4]), (9, [5, 7, 9, 9, 9, 9, 9, 7, 5])])
def test_the_disc_is_the_largest_that_every_rotation_keeps(size: int, rows: list[int]) -> None:
    disc = centred_disc(torch.zeros(1, 1, size, size))
    assert torch.equal(disc, torch.rot90(disc))
    assert torch.equal(disc, disc.flip(1))
    assert disc.sum(1).tolist() == rows


def test_score_counts_right_answers_and_averages_the_likelihood() -> None:
    logits = torch.tensor([[4.0, 0.0], [0.0, 4.0], [4.0, 0.0]])
    model = nn.Sequential(nn.Flatten())
    found = score(model, logits.view(3, 2, 1, 1), torch.tensor([0, 1, 1]))
    assert found.score == pytest.approx(2 / 3)
    assert found.loss == pytest.approx((2 * math.log1p(math.exp(-4)) + 4 + math.log1p(math.exp(-4))) / 3, rel=1e-5)


def test_only_the_output_has_an_invariance_rate_and_rows_tell_the_version_of_their_metric() -> None:
    rows = rows_of(nn.Identity(), TURNED, torch.rand(2, 2, 9, 9))
    assert {layer for layer, row in rows.items() if row["invariance_rate"] is not None} == {"output"}
    assert {row["metric_version"] for row in rows.values()} == {2}


def test_scoring_in_batches_tells_which_answers_were_right_where_there_are_right_ones() -> None:
    model, many = nn.Flatten(), 1100  # three batches
    logits = torch.eye(2)[torch.arange(many) % 2]
    found = score(model, logits.view(many, 2, 1, 1), torch.arange(many) % 3 % 2)
    assert found.right is not None
    assert found.right.tolist() == (torch.arange(many) % 2 == torch.arange(many) % 3 % 2).tolist()
    assert found.score == pytest.approx(float(found.right.float().mean()))
    assert score(model, logits.view(many, 2, 1, 1), logits, REGRESSION).right is None


def test_a_network_is_shown_500_small_inputs_at_once_and_fewer_of_large_ones() -> None:
    assert at_once(torch.zeros(1, 1, 28, 28)) == 500
    assert at_once(torch.zeros(1, 1, 100, 100)) == 2**20 // 10**4
    assert at_once(torch.zeros(1, 3, 1024, 1024)) == 1


def test_the_metric_says_whether_points_were_left_out() -> None:
    images = torch.rand(2, 2, 9, 9)
    assert rows_of(nn.Identity(), TURNED, images)["output"]["metric"] == "relative l2 on the centred disc"
    vectors = build(families["emlp"], families["emlp"].options(), load_data("o5", {"pool": 100}).shape, 48, seed=0)
    inputs = load_data("o5", {"pool": 100}).test.inputs[:4].float()
    elements = domain("vectors").group("O(5)").probes({"rotation": (45.0,), "boost": ()})
    rows = equivariance_error(vectors, inputs, elements, REGRESSION)
    assert {row["metric"] for row in rows} == {"relative l2"}


def test_symmetry_is_measured_before_training_too() -> None:
    assert {entry.name for entry in measurements if entry.at_init} >= {"equivariance", "lie_derivative"}


def test_parameters_and_flops_of_a_known_layer() -> None:
    layer = nn.Conv2d(3, 5, 3, padding=1)
    assert count_parameters(layer) == 5 * 3 * 9 + 5
    assert count_flops(layer, image_shape(3, 8, 2)) == 2 * 5 * 3 * 9 * 64


def test_what_a_batch_shares_is_no_cost_of_an_image() -> None:
    """A steerable layer expands its kernel once for all images; then it costs what a plain layer costs."""
    fields = FieldType(((regular(Group(4)), 2),))
    layer = SteerableConv(fields, fields, 5)
    assert count_flops(layer, image_shape(8, 10, 2)) == 2 * 8 * 8 * 25 * 100


def test_peak_memory_sees_what_was_held_and_forgets_on_reset() -> None:
    device = torch.device("cpu")
    reset_peak_memory(device)
    before = peak_memory(device)
    if before is None:
        pytest.skip("the peak of a process is read from /proc, which this system lacks")
    held = torch.ones(64, 1024, 1024)
    assert peak_memory(device) - before > 0.9 * held.numel() * 4
    del held
    reset_peak_memory(device)
    assert peak_memory(device) < before + 64 * 2**20


def test_training_costs_three_passes_and_its_share_of_expanding_the_kernels() -> None:
    class Expanded(nn.Module):
        """A layer whose weights (4, 9) are a product of a parameter (4, 5) and a basis (5, 9)."""

        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.Parameter(torch.ones(4, 5))
            self.basis = torch.ones(5, 9)

        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1) @ (self.weights @ self.basis).T

    layer = 2 * 9 * 4  # FLOPs of an image in the layer; the images need no gradient
    expansion = 2 * 4 * 5 * 9
    found = count_training_flops(Expanded(), image_shape(1, 3, 4), batch_size=10)
    assert found == pytest.approx(2 * layer + 2 * expansion / 10)
