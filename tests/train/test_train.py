"""The training itself, against a plain loop."""

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from bench.cell import Budget
from bench.domains.plane.layers import FieldBatchNorm
from bench.groups import FieldType, Group, regular
from bench.seeds import derive
from bench.train import UNMOVED, Moves, Trainee, batches, fit
from tests.train.blobs import blobs, network


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
