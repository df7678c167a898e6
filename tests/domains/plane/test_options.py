"""Every option of the convolutional families changes what it names, and nothing ignores it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bench.domains.plane import image_shape
from bench.domains.plane.layers import GatedNonlinearity, NormNonlinearity
from bench.groups import FieldType, Group, irrep, trivial
from bench.networks.matching import build
from bench.networks.network import Network
from bench.registry import families
from tests import tolerances

SHAPE = image_shape(1, 16, 4)
PLANAR = ["cnn", "gcnn", "steerable", "e2cnn", "et"]


def network_of(name: str, **options: object) -> Network:
    entry = families[name]
    return build(entry, entry.options(**options), SHAPE, 2.0, seed=0).eval()


def traced(network: Network) -> dict[str, Tensor]:
    images = torch.rand(2, SHAPE.channels, SHAPE.size, SHAPE.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return dict(network.trace(images))


def seen_by_one_pixel(stage: nn.Module, features: Tensor) -> tuple[int, int]:
    """Return how many rows and columns of its input the central output of a stage depends on."""
    features = features.clone().requires_grad_()
    centre = features.shape[-1] // 2
    stage(features)[:, :, centre, centre].sum().backward()
    assert features.grad is not None
    seen = features.grad.abs().amax((0, 1)) > 0
    return int(seen.any(1).sum()), int(seen.any(0).sum())


# the skeleton


@pytest.mark.parametrize("name", PLANAR)
def test_every_block_has_the_kernel_size_of_its_own(name: str) -> None:
    network = network_of(name, channels=(1, 2, 1), kernel_sizes=(3, 7, 5), pool_after=())
    # so many images that a ReLU does not cut all of them
    features = torch.rand(32, SHAPE.channels, SHAPE.size, SHAPE.size, generator=torch.Generator().manual_seed(0))
    sizes = []
    for stage_name, stage in network.stages.items():
        if stage_name.startswith("block"):
            sizes.append(seen_by_one_pixel(stage, features))
        features = stage(features).detach()
    assert sizes == [(3, 3), (7, 7), (5, 5)]


@pytest.mark.parametrize("name", PLANAR)
def test_the_size_is_halved_after_the_blocks_that_say_so(name: str) -> None:
    sizes = [
        features.shape[-1]
        for stage, features in traced(network_of(name, channels=(1, 1, 1, 1), pool_after=(1, 3))).items()
        if stage.startswith("block")
    ]
    assert sizes == [8, 8, 4, 4]


@pytest.mark.parametrize("name", PLANAR)
def test_channels_are_fields_in_units_of_the_width(name: str) -> None:
    trace = traced(network_of(name, channels=(1, 3), pool_after=()))
    assert trace["block2"].shape[1] == 3 * trace["block1"].shape[1]


@pytest.mark.parametrize("name", PLANAR)
def test_dropout_drops_its_share_of_the_invariants_in_training_alone(name: str) -> None:
    head = network_of(name, dropout=0.25).stages["output"]
    drawn = []
    (dropout,) = (module for module in head.modules() if isinstance(module, nn.Dropout))
    dropout.register_forward_hook(lambda module, inputs, output: drawn.append((output == 0).float().mean().item()))
    (first,) = (module for module in head.modules() if isinstance(module, nn.Linear))
    maps = torch.ones(1000, first.in_features, 2, 2)
    torch.manual_seed(0)
    logits = [head.train(mode)(maps) for mode in (True, False)]
    assert drawn == [pytest.approx(0.25, abs=tolerances.DROPPED_SHARE), 0]
    assert not torch.equal(*logits)


@pytest.mark.parametrize("name", PLANAR)
def test_a_head_has_a_hidden_layer_when_told_so(name: str) -> None:
    def linear(**options: object) -> list[tuple[int, int]]:
        head = network_of(name, **options).stages["output"]
        return [(m.in_features, m.out_features) for m in head.modules() if isinstance(m, nn.Linear)]

    ((inputs, classes),) = linear()
    assert classes == SHAPE.outputs
    assert linear(hidden=11) == [(inputs, 11), (11, classes)]
    assert linear(hidden=11, hidden_layers=2) == [(inputs, 11), (11, 11), (11, classes)]
    with pytest.raises(ValueError, match="give 'hidden' too"):
        network_of(name, hidden_layers=2)


# fields and nonlinearities


@pytest.mark.parametrize(
    ("name", "group", "fields", "frequency", "size"),
    [
        # SO(2) has one component of frequency 0 and two of each other, O(2) a pseudoscalar beside, induced fields both
        ("steerable", "SO(2)", "irreps", 0, 1),
        ("steerable", "SO(2)", "irreps", 1, 3),
        ("steerable", "SO(2)", "irreps", 3, 7),
        ("steerable", "O(2)", "irreps", 1, 4),
        ("steerable", "O(2)", "irreps", 3, 8),
        ("steerable", "O(2)", "induced", 0, 2),
        ("steerable", "O(2)", "induced", 3, 14),
        ("e2cnn", "SO(2)", "irreps", 1, 3),
        ("e2cnn", "SO(2)", "irreps", 3, 7),
    ],
)
def test_a_field_holds_the_irreps_up_to_the_highest_frequency(
    name: str, group: str, fields: str, frequency: int, size: int
) -> None:
    trace = traced(network_of(name, group=group, fields=fields, max_frequency=frequency, channels=(1,), pool_after=()))
    assert trace["block1"].shape[1] == 2 * size


@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_harmonic_network_has_features_of_every_order_up_to_the_highest(order: int) -> None:
    trace = traced(network_of("hnet", max_order=order, channels=(1,), pool_after=()))
    assert trace["block1"].shape[1] == 2 * 2 * (order + 1)
    assert trace["classes"].shape[1] == SHAPE.outputs * 2 * (order + 1)
    assert trace["invariants"].shape[1] == SHAPE.outputs * (order + 1)


@pytest.mark.parametrize(
    ("nonlinearity", "expected"),
    [("norm", NormNonlinearity), ("gated", GatedNonlinearity), ("auto", GatedNonlinearity)],
)
def test_a_steerable_network_has_the_nonlinearity_that_is_asked_for(nonlinearity: str, expected: type) -> None:
    network = network_of("steerable", group="SO(2)", fields="irreps", nonlinearity=nonlinearity)
    kinds = {type(module) for module in network.modules()}
    assert kinds & {NormNonlinearity, GatedNonlinearity} == {expected}


ROTATIONS = Group.parse("SO(2)")
TWO_SCALARS_TWO_VECTORS = FieldType(((trivial(ROTATIONS), 2), (irrep(ROTATIONS, 1), 2)))


def test_the_norm_nonlinearity_shortens_each_vector_by_the_threshold_of_its_own() -> None:
    layer = NormNonlinearity(TWO_SCALARS_TWO_VECTORS)
    with torch.no_grad():
        layer.thresholds.copy_(torch.tensor([1.0, 20.0]))
    features = torch.tensor([-2.0, 7.0, 3.0, 4.0, 6.0, 8.0])
    expected = torch.tensor([0.0, 7.0, 2.4, 3.2, 0.0, 0.0])
    torch.testing.assert_close(
        layer(features.view(1, 6, 1, 1)).flatten(), expected, rtol=0, atol=tolerances.KEPT_OFF_ZERO
    )


def test_the_gated_nonlinearity_multiplies_each_vector_by_the_gate_of_its_own() -> None:
    fields = GatedNonlinearity.with_gates(TWO_SCALARS_TWO_VECTORS)
    assert fields.channels == 8
    features = torch.tensor([-2.0, 7.0, 3.0, 4.0, 6.0, 8.0, 0.0, 100.0])
    expected = torch.tensor([0.0, 7.0, 1.5, 2.0, 6.0, 8.0])
    torch.testing.assert_close(
        GatedNonlinearity(TWO_SCALARS_TWO_VECTORS)(features.view(1, 8, 1, 1)).flatten(), expected
    )
