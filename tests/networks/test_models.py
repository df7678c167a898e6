"""One conformance test for every registered family, and what each promises of its own."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from bench.cell import Budget, Match
from bench.domains.plane import image_shape
from bench.domains.plane.models.planar import SMALLEST_IMAGE, HalvingPool, halved
from bench.errors import Impossible, UserError
from bench.geometry import Shape
from bench.groups import Element
from bench.measure import equivariance_error
from bench.networks.matching import build, resolve
from bench.networks.network import Network
from bench.networks.size import count_flops, count_parameters
from bench.registry import families
from bench.train import UNMOVED, Trainee, fit
from bench.train.step import optimizer_of
from tests import tolerances
from tests.training import train

NAMES = [entry.name for entry in families if "plane" in entry.domains]
# networks of a paper, whose layers have no padding, and the least image size that they take
PAPERS = {name: families[name].least for name in NAMES if families[name].least > SMALLEST_IMAGE}
TURNED = Element.rotation(90)
# families that promise rotation by 90 degrees, or the mirror too, at every size
EXACT = {
    " ".join([name, *map(str, kind.values())]): (name, kind)
    for name in NAMES
    if families[name].exact and name not in PAPERS
    for kind in families[name].kinds
}


def smallest_shape(name: str) -> Shape:
    return image_shape(1, families[name].least, 10)


def network_of(name: str, options: dict, shape: Shape, width: float = 2.0, seed: int = 0) -> Network:
    entry = families[name]
    return build(entry, entry.options(**options), shape, width, seed)


def used(network: Network, shape: Shape, steps: int = 3) -> Network:
    """Return the network after a few training steps, so that its running statistics are not the initial ones."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(4 * steps, shape.channels, shape.size, shape.size, generator=generator)
    labels = torch.randint(0, shape.outputs, (4 * steps,), generator=generator)
    train(network, images, labels, steps, batch_size=4)
    return network.eval()


# every family


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1.0, 2.5, 6.0])
def test_a_family_builds_at_any_width_grey_or_colour(name: str, width: float) -> None:
    smallest = smallest_shape(name)
    for shape in (smallest, image_shape(3, smallest.size + 12, 4)):
        network = network_of(name, {}, shape, width)
        logits = network.eval()(torch.rand(2, shape.channels, shape.size, shape.size))
        assert logits.shape == (2, shape.outputs)
        assert logits.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_family_gets_larger_with_its_width(name: str) -> None:
    sizes = [count_parameters(network_of(name, {}, smallest_shape(name), width)) for width in (2.0, 4.0, 8.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PAPERS])
@pytest.mark.parametrize("size", [17, 24, 33])
def test_a_family_builds_for_even_and_odd_images(name: str, size: int) -> None:
    shape = image_shape(1, size, 10)
    assert network_of(name, {}, shape)(torch.rand(2, 1, size, size)).shape == (2, 10)


@pytest.mark.parametrize("name", NAMES)
def test_too_small_an_image_is_refused_with_the_least_that_fits(name: str) -> None:
    least = smallest_shape(name).size
    for size in (12, least - 1):
        with pytest.raises(Impossible, match=rf"(least is|sizes from) {least}\b") as refusal:
            network_of(name, {}, image_shape(1, size, 10))
        assert re.search(rf"\b{size}\b", str(refusal.value))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_family_learns_a_batch_by_heart(name: str, precision: torch.dtype) -> None:
    shape = smallest_shape(name)
    # the plain twin sees a quarter of the other's features, and forgets what is dropped
    options, width = ({"dropout": 0}, 10.0) if name in PAPERS else ({}, 2.0 if name == "e2-final" else 4.0)
    options = {key: value for key, value in options.items() if key in families[name].options.model_fields}
    # a pose has to settle first, and on which machine it does so sooner is chance
    steps = 120 if name.startswith("et") else 40
    if name == "et-released":
        options["predictor_channels"] = 8
    network = network_of(name, options, shape, width)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(16, 1, shape.size, shape.size, generator=generator)
    losses = train(network, images, torch.arange(16) % 4, steps, batch_size=16, precision=precision)
    assert min(losses) < 0.1 * losses[0]
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_a_function_of_the_seed(name: str) -> None:
    shape = smallest_shape(name)
    before = torch.random.get_rng_state()
    first, again, other = (network_of(name, {}, shape, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_takes_nothing_of_another_with_it(name: str) -> None:
    shape = smallest_shape(name)
    first = network_of(name, {}, shape)
    before = {key: (tensor.clone(), tensor.stride()) for key, tensor in first.state_dict().items()}
    first.double().to(memory_format=torch.channels_last)  # as a cell does with its network, on the device that it has
    used(first.float(), shape)
    after = network_of(name, {}, shape).state_dict()
    for key, (tensor, stride) in before.items():
        assert after[key].stride() == stride, key
        torch.testing.assert_close(after[key], tensor, rtol=0, atol=0)
    own = {tensor.untyped_storage().data_ptr() for tensor in first.state_dict().values()}
    assert own.isdisjoint(tensor.untyped_storage().data_ptr() for tensor in after.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_stage_has_a_law_and_the_trace_ends_in_the_logits(name: str) -> None:
    shape = smallest_shape(name)
    network = network_of(name, {}, shape).eval()
    images = torch.rand(2, 1, shape.size, shape.size)
    trace = dict(network.trace(images))
    assert {"input", *trace} == set(network.laws)
    assert list(trace)[-1] == "output"
    assert torch.equal(trace["output"], network(images))


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_independent_and_a_saved_state_restores(name: str) -> None:
    shape = smallest_shape(name)
    network = used(network_of(name, {}, shape), shape)
    fresh = network_of(name, {}, shape, seed=9).eval()
    twin = copy.deepcopy(network)
    fresh.load_state_dict(network.state_dict())
    images = torch.rand(2, 1, shape.size, shape.size)
    for other in (fresh, twin):
        torch.testing.assert_close(other.eval()(images), network(images))


@pytest.mark.parametrize("name", NAMES)
def test_the_best_weights_of_a_training_come_back(name: str) -> None:
    shape = smallest_shape(name)
    network = network_of(name, {}, shape)
    images, labels = torch.rand(8, 1, shape.size, shape.size), torch.arange(8)
    validations = iter([(0.9, 1.0), (0.1, 1.0)])
    logits = []

    def validate(model: torch.nn.Module) -> tuple[float, float]:
        logits.append(model.eval()(images).detach())
        return next(validations)

    budget = Budget(steps=4, batch_size=4, evaluations=2, checkpoint="best")
    fit(Trainee(network, images, labels, UNMOVED, budget, 0), validate)
    torch.testing.assert_close(network.eval()(images), logits[0])
    assert not torch.allclose(logits[0], logits[1])


def test_weight_decay_is_for_weights() -> None:
    shape = image_shape(1, 16, 10)
    shares = {}
    for name in ("steerable", "e2cnn"):
        decayed, others = optimizer_of(network_of(name, {}, shape), Budget(steps=1), torch.tensor(0.1)).param_groups
        shares[name] = [sum(p.numel() for p in group["params"]) for group in (decayed, others)]
    assert shares["steerable"] == shares["e2cnn"]
    hnet = network_of("hnet", {}, shape)
    decayed, others = optimizer_of(hnet, Budget(steps=1), torch.tensor(0.1)).param_groups
    phases = [p for name, p in hnet.named_parameters() if name.endswith("phases")]
    assert phases
    assert all(any(p is other for other in others["params"]) for p in phases)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_options_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no_such_option"):
        families[name].options(no_such_option=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_family_describes_itself_and_its_options(name: str) -> None:
    entry = families[name]
    assert re.fullmatch(r"[A-Z].{20,108}\.", entry.summary)
    assert all(field.description for field in entry.options.model_fields.values())


# exactness


def exact(layer: str) -> float:
    return tolerances.EXACT_LOGITS if layer == "output" else tolerances.EXACT_HIDDEN_FEATURES


@pytest.mark.parametrize("case", EXACT)
@given(size=st.integers(16, 65), channels=st.sampled_from([1, 3]))
@settings(max_examples=5)
def test_symmetries_of_the_grid_stay_exact_through_every_layer(case: str, size: int, channels: int) -> None:
    """At any image size, even or odd, at init and after training."""
    name, options = EXACT[case]
    shape = image_shape(channels, size, 5)
    network = network_of(name, options, shape, 1.0)
    elements = [TURNED]
    if network.group.mirrors:
        elements.append(TURNED @ Element(mirror=True))
    images = torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(size))
    for stage in (network, used(network, shape, steps=2)):
        for row in equivariance_error(stage, images, elements):
            assert row["error_max"] <= exact(row["layer"]), row
            assert row["floor"] <= tolerances.EXACT_LOGITS, row


@pytest.mark.parametrize("name", ["p4cnn", "p4cnn-rotation-pooling"])
@pytest.mark.parametrize("size", [22, 28, 40])
def test_p4cnn_is_exact_where_it_can_be_built(name: str, size: int) -> None:
    shape = image_shape(1, size, 10)
    network = used(network_of(name, {}, shape, 4), shape)
    images = torch.rand(4, 1, size, size, generator=torch.Generator().manual_seed(0))
    for row in equivariance_error(network, images, [TURNED]):
        assert row["error_max"] <= exact(row["layer"]), row


@pytest.mark.parametrize("size", [16, 27, 29])
def test_p4cnn_refuses_sizes_that_its_pooling_would_break(size: int) -> None:
    with pytest.raises(Impossible, match="even image sizes from 22"):
        network_of("p4cnn", {}, image_shape(1, size, 10))


@pytest.mark.parametrize(
    ("name", "size"), [("e2-benchmark", 26), ("e2-benchmark", 29), ("e2-benchmark-cnn", 20), ("e2-final", 24)]
)
def test_networks_with_two_poolings_refuse_sizes_that_these_would_break(name: str, size: int) -> None:
    with pytest.raises(Impossible, match=f"take image sizes from .* in steps of 4, the paper's being 28; found {size}"):
        network_of(name, {}, image_shape(1, size, 10))


@pytest.mark.parametrize(("group", "channels"), [("C4", (64, 192, 256, 256, 384)), ("D8", (256, 384, 512, 512, 768))])
def test_the_benchmarks_networks_have_fields_by_the_root_of_their_groups_order(
    group: str, channels: tuple[int, ...]
) -> None:
    """16, 24, 32, 32, 48 fields of C16; from the second layer on sqrt(16 / |G|) times as many; 24, 12 and 6 pixels."""
    network = network_of("e2-benchmark", {"group": group}, image_shape(1, 28, 10), 16)
    shapes = {name: tuple(features.shape[1:]) for name, features in network.eval().trace(torch.rand(2, 1, 28, 28))}
    sides = (24, 12, 12, 6, 6)
    expected = {f"block{i}": (c, s, s) for i, (c, s) in enumerate(zip(channels, sides, strict=True), start=1)}
    assert shapes == {**expected, "block6": (64, 2, 2), "output": (10,)}


@pytest.mark.parametrize("group", ["C1", "SO(2)"])
def test_regular_fields_need_a_finite_group_that_moves_something(group: str) -> None:
    with pytest.raises(ValidationError, match="finite group of two elements or more"):
        network_of("e2-benchmark", {"group": group}, image_shape(1, 28, 10))


@pytest.mark.parametrize("name", ["cnn", "z2cnn", "e2-benchmark-cnn"])
def test_the_measurement_rejects_a_plain_network(name: str) -> None:
    """The negative control: what passes for exact above is passed by no layer of a network without the symmetry."""
    shape = smallest_shape(name)
    network = used(network_of(name, {}, shape, 8.0), shape)
    images = torch.rand(4, 1, shape.size, shape.size, generator=torch.Generator().manual_seed(0))
    images[..., : shape.size // 2] *= 0.1  # noise without a direction has the same averages when it is turned
    for row in equivariance_error(network, images, [TURNED]):
        if row["layer"] != "input":
            assert row["error"] > (0.02 if row["layer"] == "output" else 0.2), row


# the law between the grid's own angles

#: Every kind of choice that is offered; those of C4 and D4 do not promise this angle.
LAW = {
    **{name: choice for name, choice in EXACT.items() if not name.startswith("gcnn")},
    "steerable C8": ("steerable", {"group": "C8"}),
    "steerable C16": ("steerable", {"group": "C16"}),
    "steerable D8": ("steerable", {"group": "D8"}),
    "steerable C8 elu": ("steerable", {"group": "C8", "nonlinearity": "elu"}),
    "steerable D8 quotient": ("steerable", {"group": "D8", "fields": "quotient", "subgroup": "C2"}),
    "steerable D8 induced": ("steerable", {"group": "D8", "fields": "induced"}),
    "steerable SO(2) of frequency 4": ("steerable", {"group": "SO(2)", "fields": "irreps", "max_frequency": 4}),
    "e2cnn C8": ("e2cnn", {"group": "C8"}),
    "hnet of order 0": ("hnet", {"max_order": 0}),
    "hnet of order 2": ("hnet", {"max_order": 2}),
    "hnet with rings in the corners": ("hnet", {"outer_radius": 3.5}),
    "hnet of 7 pixels": ("hnet", {"kernel_size": 7, "rings": 5}),
    "benchmark C8": ("e2-benchmark", {"group": "C8"}),
    "benchmark D8": ("e2-benchmark", {"group": "D8"}),
    "final C16": ("e2-final", {}),
}


@pytest.mark.parametrize("choice", [choice for choice in LAW if "C4" not in choice and "D4" not in choice])
def test_the_law_holds_at_45_degrees_on_smooth_images(choice: str) -> None:
    """Where resampling costs nothing, on large and smooth images: what is left is the pixels of the filters."""
    name, options = LAW[choice]
    size = 100 if name.startswith("e2-") else 97  # those take multiples of four
    images = blobs(8, size)
    network = network_of(name, options, image_shape(1, size, 10), 3.0).train()
    with torch.no_grad():
        for _ in range(30):  # so that the running statistics are those of these images, and no feature is all dark
            network(images)
    rows = {row["layer"]: row for row in equivariance_error(network.eval(), images, [Element.rotation(45)])}
    assert rows["input"]["floor"] < 1e-4
    assert rows["block3"]["error"] <= tolerances.LAW_AT_45_DEGREES, rows["block3"]


def blobs(count: int, size: int, width: float = 5.0) -> torch.Tensor:
    """Return sums of twelve bright and dark Gaussians (N, 1, S, S), ``width`` pixels wide, inside of the disc."""
    axis = torch.arange(size) - (size - 1) / 2
    draw = torch.Generator().manual_seed(0)
    images = torch.zeros(count, 1, size, size)
    for _ in range(12):
        radius = torch.rand(count, 1, 1, 1, generator=draw).sqrt() * 30
        angle = torch.rand(count, 1, 1, 1, generator=draw) * 2 * torch.pi
        x, y = axis - radius * angle.cos(), axis[:, None] - radius * angle.sin()
        images += torch.randn(count, 1, 1, 1, generator=draw) * torch.exp(-(x**2 + y**2) / (2 * width**2))
    return images


# published sizes


@pytest.mark.parametrize(
    ("name", "width", "parameters"),
    [
        ("p4cnn", 10, 24_680),
        ("z2cnn", 20, 21_750),
        ("p4cnn-rotation-pooling", 20, 21_750),
        ("e2-final", 24, 2_692_402),  # published as 2.69 million
    ],
)
def test_the_papers_networks_have_their_published_sizes(name: str, width: float, parameters: int) -> None:
    assert count_parameters(network_of(name, {}, image_shape(1, 28, 10), width)) == parameters


@pytest.mark.parametrize(("name", "rate"), [("p4cnn", 0.0), ("p4cnn-rotation-pooling", 0.0), ("z2cnn", 0.3)])
def test_the_papers_networks_drop_where_the_released_code_does(name: str, rate: float) -> None:
    """After every hidden layer but the second, which is pooled: dropout before a maximum shifts the mean."""
    network = network_of(name, {}, image_shape(1, 28, 10))
    dropped = {
        block: [module.p for module in stage.modules() if isinstance(module, nn.Dropout)]
        for block, stage in network.stages.items()
    }
    expected = {f"block{layer}": [] if layer == 2 else [rate] for layer in range(1, 7)}
    assert dropped == {**expected, "output": []}


def test_rotation_pooling_leaves_plain_maps_after_every_layer() -> None:
    network = network_of("p4cnn-rotation-pooling", {}, image_shape(1, 28, 10), 5)
    for block, features in network.trace(torch.rand(2, 1, 28, 28)):
        assert features.shape[1] == (10 if block == "output" else 5)


@pytest.mark.parametrize("group", ["C4", "C8", "D4", "D8"])
def test_e2cnn_and_steerable_are_the_same_architecture(group: str) -> None:
    """Stage by stage the same parameters, outputs of the same shape, and the same FLOPs."""
    shape = image_shape(1, 28, 10)
    ours, theirs = (network_of(name, {"group": group}, shape).eval() for name in ("steerable", "e2cnn"))
    images = torch.rand(2, 1, 28, 28)
    found = [
        [(name, count_parameters(network.stages[name]), features.shape) for name, features in network.trace(images)]
        for network in (ours, theirs)
    ]
    assert found[0] == found[1]
    assert count_flops(ours, shape) == count_flops(theirs, shape)


# matching


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*PAPERS, "e2cnn")])
@pytest.mark.parametrize("by", ["parameters", "flops"])
def test_a_budget_is_met_within_three_percent(name: str, by: str) -> None:
    entry, shape = families[name], image_shape(1, 28, 10)
    # of e2wrn, one field of D8 in each block of the first third makes 40 million already
    target = {"parameters": 25_000, "flops": 200_000_000 if name == "e2wrn" else 40_000_000}[by]
    found = resolve(entry, entry.options(), shape, None, Match(by=by, target=target))
    network = build(entry, found.options, shape, found.width, seed=0)
    size = count_parameters(network) if by == "parameters" else count_flops(network, shape)
    assert abs(size - target) <= 0.03 * target
    assert (found.parameters, found.flops) == (count_parameters(network), count_flops(network, shape))


def test_a_budget_that_no_width_reaches_is_refused_with_the_nearest() -> None:
    entry = families["steerable"]
    with pytest.raises(Impossible, match=r"no width of steerable comes within 3% of 50 parameters; the nearest has"):
        resolve(entry, entry.options(), image_shape(1, 28, 10), None, Match(by="parameters", target=50))


# options that do not go together


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        *(
            ("gcnn", {"group": group}, "the family steerable has the other groups")
            for group in ("SO(2)", "C8", "D3", "C3")
        ),
        (
            "steerable",
            {"group": "C4", "subgroup": "D1"},
            "regular fields have no subgroup; it goes with quotient fields",
        ),
        ("steerable", {"group": "C4", "max_frequency": 1}, "regular fields have no max_frequency; it goes with irreps"),
        ("steerable", {"group": "SO(2)", "fields": "irreps", "nonlinearity": "elu"}, "accepted: auto, norm, gated"),
        ("hnet", {"max_order": 3}, "less than or equal to 2"),
        ("hnet", {"outer_radius": 5.5}, "at most kernel_size, 5"),
        ("steerable", {"group": "SO(2)"}, "use irreps"),
        ("steerable", {"group": "C8", "fields": "induced"}, "mirrors"),
        ("steerable", {"group": "C8", "fields": "quotient", "subgroup": "C3"}, "not a subgroup"),
        (
            "steerable",
            {"group": "SO(2)", "fields": "irreps", "nonlinearity": "pointwise"},
            "accepted: auto, norm, gated",
        ),
        ("e2cnn", {"group": "O(2)"}, "use irreps"),
        ("cnn", {"kernel_sizes": [4]}, "odd"),
        ("cnn", {"kernel_sizes": [3, 3]}, "one per block"),
        ("cnn", {"pool_after": [9]}, "outside 1 to 6"),
    ],
)
def test_impossible_combinations_say_why(name: str, options: dict, reason: str) -> None:
    with pytest.raises((UserError, ValueError), match=reason):
        network_of(name, options, image_shape(1, 28, 10))


@pytest.mark.parametrize("family", ["cnn", "gcnn", "steerable", "hnet", "et"])
@pytest.mark.parametrize(("width", "match"), [(512.0, None), (None, Match(target=10**12))])
def test_a_network_that_would_use_up_the_memory_is_refused(
    family: str, width: float | None, match: Match | None
) -> None:
    entry = families[family]
    with pytest.raises(Impossible, match=f"{family} of width .* has a tensor of more than 33,554,432 numbers"):
        resolve(entry, entry.options(), image_shape(1, 16, 10), width, match)


@pytest.mark.parametrize("size", [8, 9, 14, 15])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_is_the_same_whoever_pads(size: int, layout: torch.memory_format) -> None:
    """Values and gradients, against the mean over what lies inside of each window."""
    features = torch.rand(2, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    features = features.to(memory_format=layout).requires_grad_()
    width = 3 if size % 2 else 4
    windows = [range(max(0, 2 * i - 1), min(size, 2 * i - 1 + width)) for i in range((size + 2 - width) // 2 + 1)]
    means = [features[:, :, list(rows)][..., list(columns)].mean((2, 3)) for rows in windows for columns in windows]
    expected = torch.stack(means, -1).unflatten(-1, (len(windows), len(windows)))
    weights = torch.rand(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (slopes,) = torch.autograd.grad((expected * weights).sum(), features)
    for pads_itself in (True, False):
        found = halved(features, pads_itself)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(torch.autograd.grad((found * weights).sum(), features)[0], slopes)


@pytest.mark.parametrize("size", [8, 9, 16, 17])
def test_a_constant_is_pooled_to_itself_up_to_the_corners(size: int) -> None:
    """What lies outside must not count: a border that is darker tells a network where it is."""
    found = HalvingPool()(torch.full((1, 3, size, size), 2.0))
    assert found.shape[-1] == (size + 1) // 2
    assert torch.allclose(found, torch.full_like(found, 2.0), atol=1e-6)
