from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.cell import Budget
from bench.domains.plane import augmentation
from bench.domains.plane.layers import FieldBatchNorm
from bench.geometry import expand
from bench.groups import Element, FieldType, Group, act, regular
from bench.seeds import derive
from bench.train import UNMOVED, Moves, Trainee, batches, evaluation_steps, fit, learning_rate, total_steps
from tests import tolerances


def blobs(count: int = 64) -> tuple[Tensor, Tensor]:
    """Two classes that a linear map tells apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    images = torch.randn(count, 1, 16, 16, generator=generator) + labels.view(-1, 1, 1, 1).float()
    return images, labels


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))


@given(st.integers(3, 50), st.integers(2, 70), st.integers(0, 5))
def test_every_epoch_sees_every_image_once(images: int, batch_size: int, seed: int) -> None:
    epochs = 3
    needed = math.ceil(epochs * images / batch_size)
    seen = torch.cat(list(itertools.islice(batches(images, batch_size, seed), needed)))[: epochs * images]
    for epoch in seen.view(epochs, images):
        assert sorted(epoch.tolist()) == list(range(images))


def test_the_order_is_a_function_of_the_seed() -> None:
    first, again, other = (next(batches(100, 100, seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_epoch_has_an_order_of_its_own() -> None:
    epochs = list(itertools.islice(batches(50, 50, 0), 4))
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 4


def test_a_budget_in_epochs_or_in_steps() -> None:
    assert total_steps(Budget(steps=7), 1000) == 7
    assert total_steps(Budget(epochs=3, batch_size=64), 100) == 5
    with pytest.raises(ValueError, match="exactly one"):
        Budget(steps=7, epochs=3)
    with pytest.raises(ValueError, match="exactly one"):
        Budget()


@given(st.integers(1, 500), st.integers(1, 20))
def test_evaluations_are_spread_and_the_last_step_is_one(total: int, count: int) -> None:
    steps = sorted(evaluation_steps(Budget(steps=total, evaluations=count), total))
    assert steps[-1] == total
    assert len(steps) == min(count, total)
    gaps = [b - a for a, b in itertools.pairwise([0, *steps])]
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "step", "constant"])
def test_schedules_stay_below_the_peak_and_end_low(schedule: str) -> None:
    budget = Budget(steps=100, lr=0.1, schedule=schedule)
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert 0 < min(rates) <= max(rates) <= 0.1 + 1e-12
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert (rates[-1] < 0.01) == (schedule != "constant")


def test_one_cycle_climbs_over_three_tenths_and_falls_as_a_cosine() -> None:
    budget = Budget(steps=100, lr=0.1, schedule="onecycle")
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert rates[:31:15] == pytest.approx([0.004, 0.052, 0.1])
    assert rates[30::35] == pytest.approx([0.1, 0.05])
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


def test_cosine_starts_at_the_peak() -> None:
    budget = Budget(steps=100, lr=0.1, schedule="cosine")
    assert [learning_rate(budget, step, 100) for step in (0, 50)] == pytest.approx([0.1, 0.05])


def test_step_decays_are_where_the_budget_says() -> None:
    budget = Budget(steps=100, lr=1.0, schedule="step", decay_from=0.5, decays=5, decay_factor=0.5)
    rates = [learning_rate(budget, step, 100) for step in range(100)]
    assert rates[49] == 1.0
    assert rates[50] == 0.5
    assert rates[99] == pytest.approx(0.5**5)


@pytest.mark.parametrize("optimizer", ["adamw", "amsgrad", "sgd"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_learns_and_repeats_bit_for_bit(optimizer: str, precision: str) -> None:
    images, labels = blobs()
    budget = Budget(steps=30, batch_size=16, lr=0.01, optimizer=optimizer, precision=precision, evaluations=3)
    fits, states = [], []
    for noise in (0, 1):
        model = network()
        torch.manual_seed(noise)  # what else the process drew must not matter
        fits.append(fit(Trainee(model, images, labels, UNMOVED, budget, 5), lambda m: (0.0, 0.0)))
        states.append(model.state_dict())
    losses = [[row["train_loss"] for row in result.curve] for result in fits]
    assert losses[0] == losses[1]
    assert losses[0][-1] < 0.5 * losses[0][0]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert [row["step"] for row in fits[0].curve] == [10, 20, 30]


class Unrepeatable(nn.Sequential):
    """Layers whose result depends on the mode, on the number of passes so far and on the random stream."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(256, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3))
        self.append(nn.Linear(16, 2))


def evaluated(model: nn.Module) -> tuple[float, float]:
    model.eval()
    return 0.0, 0.0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("optimizer", ["adamw", "amsgrad", "sgd"])
def test_training_is_the_plain_loop_written_out(optimizer: str, precision: str) -> None:
    """The slow oracle: no warm-up, no evaluations, torch's own optimizers; equal to the last bit."""
    images, labels = blobs()
    budget = Budget(
        steps=12,
        batch_size=16,
        lr=0.05,
        weight_decay=0.1,
        optimizer=optimizer,
        schedule="cosine",
        precision=precision,
        evaluations=4,
    )
    torch.manual_seed(0)
    trained, expected = Unrepeatable(), Unrepeatable()
    expected.load_state_dict(trained.state_dict())
    torch.manual_seed(1)
    brighter = Moves(
        lambda step, count: (torch.tensor(step / 10),), lambda batch, labels, light: (batch + light, labels)
    )
    fit(Trainee(trained.eval(), images, labels, brighter, budget, 3), evaluated)

    weights = [p for name, p in expected.named_parameters() if name in ("1.weight", "5.weight")]
    others = [p for name, p in expected.named_parameters() if name not in ("1.weight", "5.weight")]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    rule: torch.optim.Optimizer = torch.optim.AdamW(groups, fused=True, amsgrad=optimizer == "amsgrad")
    if optimizer == "sgd":
        rule = torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=True)
    torch.manual_seed(derive(3, "dropout"))
    for step, index in enumerate(itertools.islice(batches(64, 16, 3), 12)):
        for group in rule.param_groups:
            group["lr"] = torch.tensor(0.05 * 0.5 * (1 + math.cos(math.pi * step / 12)))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            logits = expected(images[index] + step / 10)
        rule.zero_grad()
        nn.functional.cross_entropy(logits.float(), labels[index]).backward()
        rule.step()
    found = trained.state_dict()
    assert {name for name, value in expected.state_dict().items() if not torch.equal(value, found[name])} == set()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_computes_in_the_precision_of_the_budget(precision: str) -> None:
    images, labels = blobs()
    model, used = network(), set()
    model[1].register_forward_hook(lambda module, inputs, output: used.add(output.dtype))
    fit(Trainee(model, images, labels, UNMOVED, Budget(steps=2, batch_size=16, precision=precision), 0), evaluated)
    assert used == {getattr(torch, precision)}
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_curve_counts_epochs_and_the_seconds_of_the_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that a pass of the network moves by one second, and an evaluation by 100."""
    now = 0.0
    images, labels = blobs(40)
    model = network()

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    def validate(model: nn.Module) -> tuple[float, float]:
        wait(100)
        return 0.25, 1.5

    model.register_forward_hook(lambda *_: wait(1))
    monkeypatch.setattr("bench.train.loop.clock", lambda device: now)
    budget = Budget(steps=12, batch_size=16, lr=0.1, schedule="constant", evaluations=3)
    result = fit(Trainee(model, images, labels, UNMOVED, budget, 0), validate)
    rows = [(row["step"], row["epoch"], row["seconds"]) for row in result.curve]
    assert rows == [(4, 1.6, 4), (8, 3.2, 8), (12, pytest.approx(4.8), 12)]
    assert (result.steps, result.seconds, result.diverged_at) == (12, 12, None)
    for row in result.curve:
        assert (row["learning_rate"], row["validation_score"], row["validation_loss"]) == (0.1, 0.25, 1.5)


def test_a_last_step_that_breaks_the_weights_is_a_divergence() -> None:
    images, labels = blobs()
    validations = iter([(0.5, 1.0), (0.1, math.nan)])
    budget = Budget(steps=6, batch_size=16, evaluations=2)
    result = fit(Trainee(network(), images, labels, UNMOVED, budget, 0), lambda model: next(validations))
    assert result.diverged_at == 6
    assert [row["step"] for row in result.curve] == [3]


def test_dropout_leaves_the_stream_of_the_process_alone() -> None:
    images, labels = blobs()
    model = Unrepeatable()
    before = torch.random.get_rng_state()
    fit(Trainee(model, images, labels, UNMOVED, Budget(steps=3, batch_size=16), 0), evaluated)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_divergence_ends_the_training_and_names_the_step() -> None:
    images, labels = blobs()

    poison = Moves(
        lambda step, count: (torch.tensor(math.nan if step == 6 else 1.0),),
        lambda batch, labels, by: (batch * by, labels),
    )
    budget = Budget(steps=30, batch_size=16, evaluations=10)
    result = fit(Trainee(network(), images, labels, poison, budget, 0), lambda m: (0.0, 0.0))
    assert result.diverged_at == 7
    assert result.steps == 9  # found at the next evaluation
    assert [row["step"] for row in result.curve] == [3, 6]


@pytest.mark.parametrize(
    ("checkpoint", "accuracies", "kept"),
    [("best", (0.2, 0.9, 0.5), 1), ("best", (0.2, 0.9, 0.9), 1), ("last", (0.2, 0.9, 0.5), 2)],
)
def test_the_checkpoint_is_the_last_or_the_first_of_the_best(
    checkpoint: str, accuracies: tuple[float, ...], kept: int
) -> None:
    images, labels = blobs()
    snapshots: list[dict[str, Tensor]] = []

    def validate(model: nn.Module) -> tuple[float, float]:
        snapshots.append({key: value.clone() for key, value in model.state_dict().items()})
        return accuracies[len(snapshots) - 1], 0.0

    model = network()
    fit(Trainee(model, images, labels, UNMOVED, Budget(steps=9, evaluations=3, checkpoint=checkpoint), 0), validate)
    for i, snapshot in enumerate(snapshots):
        same = all(torch.equal(value, snapshot[key]) for key, value in model.state_dict().items())
        assert same == (i == kept)


@pytest.mark.parametrize("normalisation", ["channels", "fields"])
def test_recounted_statistics_are_means_over_one_pass_and_the_training_is_the_same(normalisation: str) -> None:
    images, labels = blobs(40)
    moves = Moves(
        lambda step, count: (torch.full((count,), 1.0 + step),), lambda x, t, by: (x * by.view(-1, 1, 1, 1), t)
    )

    def trained(statistics: str) -> tuple[nn.Module, list[float]]:
        torch.manual_seed(1)
        norm = (
            nn.BatchNorm2d(2)
            if normalisation == "channels"
            else FieldBatchNorm(FieldType(((regular(Group.parse("C2")), 1),)))
        )
        model = nn.Sequential(nn.Conv2d(1, 2, 3), norm, nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(392, 2))
        budget = Budget(steps=9, batch_size=16, evaluations=3, statistics=statistics, precision="float32")
        losses: list[float] = []

        def validate(network: nn.Module) -> tuple[float, float]:
            network.eval()
            with torch.no_grad():
                losses.append(float(network(images).sum()))
            return 0.0, 0.0

        fit(Trainee(model, images, labels, moves, budget, 0), validate)
        return model, losses

    (running, as_they_ran), (recounted, as_counted) = trained("running"), trained("recounted")
    for (name, left), (_, right) in zip(running.named_parameters(), recounted.named_parameters(), strict=True):
        assert torch.equal(left, right), name
    assert as_they_ran != as_counted
    # two whole batches, moved as the steps after the last would be
    features = [recounted[0](images[16 * k : 16 * (k + 1)] * (1.0 + 9 + k)).double() for k in (0, 1)]
    over = (0, 2, 3) if normalisation == "channels" else (0, 1, 2, 3)
    means = torch.stack([each.mean(over) for each in features]).mean(0)
    norm = recounted[1]
    found = norm.running_mean if normalisation == "channels" else norm.running[0]
    torch.testing.assert_close(found.double(), means.expand(2), rtol=1e-5, atol=1e-6)
    variances = torch.stack([each.var(over, correction=int(normalisation == "channels")) for each in features]).mean(0)
    spread = norm.running_var if normalisation == "channels" else norm.running[1]
    torch.testing.assert_close(spread.double(), variances.expand(2), rtol=1e-3, atol=1e-5)
    assert norm.momentum == 0.1


# augmentation


def test_strength_zero_is_no_augmentation_at_all() -> None:
    images, _ = blobs(4)
    assert augmentation(Group.parse("O(2)"), 0.0)(images, 0, "augmentation") is images


def test_every_image_gets_an_element_of_its_own_and_every_step_new_ones() -> None:
    one = torch.rand(1, 1, 16, 16).expand(32, 1, 16, 16)
    moving = augmentation(Group.parse("SO(2)"), 1.0)
    moved = moving(one, 0, "augmentation", 3)
    assert len(torch.unique(moved.flatten(1), dim=0)) == 32
    assert torch.equal(moved, moving(one, 0, "augmentation", 3))
    assert not torch.equal(moved, moving(one, 0, "augmentation", 4))
    assert not torch.equal(moved, moving(one, 1, "augmentation", 3))


def test_copies_expand_the_training_set_once() -> None:
    images, labels = blobs(10)
    many, their_labels = expand(images, labels, augmentation(Group.parse("C4"), 1.0), 3, seed=0)
    assert many.shape == (30, 1, 16, 16)
    assert torch.equal(their_labels, labels.repeat(3))
    orbits = torch.stack([torch.rot90(images, k, (2, 3)) for k in range(4)])
    for i, image in enumerate(many):
        assert (orbits[:, i % 10] == image).flatten(1).all(1).any()


def test_copies_of_an_image_are_moved_each_by_its_own_element() -> None:
    images, labels = blobs(6)
    many, _ = expand(images, labels, augmentation(Group.parse("SO(2)"), 1.0), 4, seed=0)
    for copies in many.view(4, 6, -1).unbind(1):
        assert len(torch.unique(copies, dim=0)) == 4


@pytest.mark.parametrize(
    ("group", "strength", "steps", "mirrors"),
    [("C8", 1.0, range(8), {False}), ("D8", 0.5, range(-2, 3), {False, True}), ("C8", 0.3, range(-1, 2), {False})],
)
def test_augmentation_draws_every_element_of_a_finite_group_within_its_strength(
    group: str, strength: float, steps: range, mirrors: set[bool]
) -> None:
    """Every moved image is the image moved by one of the elements, and each of these comes up."""
    image = blobs(1)[0]
    orbit = torch.stack([act(image, Element.rotation(45 * k) @ Element(m))[0] for k in steps for m in mirrors])
    moved = augmentation(Group.parse(group), strength)(image.expand(200, -1, -1, -1), 0, "augmentation")
    distances = (moved[:, None] - orbit).abs().amax((2, 3, 4))
    nearest = distances.min(1)
    assert nearest.values.max() <= tolerances.RESAMPLED_IN_FLOAT32
    assert set(nearest.indices.tolist()) == set(range(len(orbit)))
