"""What holds of every planar family."""

from __future__ import annotations

import copy
import re
from itertools import islice

import pytest
import torch

from bench.cell import Budget
from bench.domains.plane import image_shape
from bench.errors import Impossible
from bench.networks.size import count_parameters
from bench.registry import families
from bench.train import UNMOVED, Trainee, fit
from bench.train.step import optimizer_of
from tests.networks.planar import NAMES, PAPERS, network_of, smallest_shape, used
from tests.training import losses_of

#: Networks of sixteen orientations, of which a step in bfloat16 takes seconds where the processor has none.
LARGE = ("e2-benchmark", "e2-final")


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
    options, width = ({"dropout": 0}, 10.0) if name in PAPERS else ({}, 2.0 if name in LARGE else 4.0)
    options = {key: value for key, value in options.items() if key in families[name].options.model_fields}
    # a pose has to settle first, and on which machine it does so sooner is chance
    steps = 120 if name.startswith("et") else 40
    if name == "et-released":
        options["predictor_channels"] = 8
    network = network_of(name, options, shape, width)
    generator = torch.Generator().manual_seed(0)
    count = 4 if name in LARGE else 16
    images = torch.rand(count, 1, shape.size, shape.size, generator=generator)
    losses = losses_of(network, images, torch.arange(count) % 4, batch_size=count, precision=precision)
    first = next(losses)
    assert any(loss < 0.1 * first for loss in islice(losses, steps - 1))
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
