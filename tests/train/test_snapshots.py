"""A training that was stopped on the way and goes on gives what it would have given."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.cell import Budget
from bench.domains.plane import image_shape
from bench.networks.matching import build
from bench.networks.network import Network
from bench.registry import families
from bench.train import Fit, Moves, Snapshots, Trainee, fit, fit_together, snapshot

SETTINGS = {"cells": "a"}
TOTAL = 200


class StoppedError(Exception):
    """What the process was ended by."""


def network_of(family: str, seed: int = 0, dropout: float = 0.3) -> Network:
    entry = families[family]
    options = {"channels": (1, 1), "pool_after": (1,), "dropout": dropout} if family == "cnn" else {}
    return build(entry, entry.options(**options), image_shape(1, 22, 4), 2.0, seed)


def trainee(
    family: str, optimizer: str = "adamw", seed: int = 0, stop_at: int | None = None, dropout: float = 0.3
) -> Trainee:
    draw = torch.Generator().manual_seed(1)
    images = torch.rand(24, 1, 22, 22, generator=draw)

    def drawn(step: int, count: int) -> tuple[torch.Tensor, ...]:
        if step == stop_at:
            raise StoppedError
        return (torch.rand(count, generator=torch.Generator().manual_seed(step)),)

    moves = Moves(drawn, lambda images, labels, shares: (images * shares[:, None, None, None], labels))
    budget = Budget(steps=TOTAL, batch_size=4, evaluations=10, checkpoint="best", optimizer=optimizer)
    return Trainee(network_of(family, seed, dropout), images, torch.arange(24) % 4, moves, budget, seed)


def validate(network: torch.nn.Module) -> tuple[float, float, float]:
    """Scores that go up and down with the weights, so that the best of them is on the way."""
    total = float(sum(p.detach().double().sum() for p in network.parameters()))
    return abs(total) % 1, 1.0, abs(total) % 0.1


@pytest.fixture(autouse=True)
def _at_every_block(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "short" not in request.node.name:
        monkeypatch.setattr(snapshot, "APART", 0.0)


def snapshots(folder: Path, settings: dict[str, str] | None = None) -> Snapshots:
    return Snapshots(folder / "kept" / "a.pt", settings or SETTINGS)


def without_times(result: Fit) -> list[dict[str, float | int]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in result.curve]


@pytest.mark.parametrize(
    ("family", "optimizer"),
    [("cnn", "adamw"), ("cnn", "amsgrad"), ("cnn", "sgd"), ("hnet", "adamw"), ("z2cnn", "adamw")],
)
def test_it_goes_on_as_if_it_had_never_stopped(tmp_path: Path, family: str, optimizer: str) -> None:
    """Weights, moments, dropout, the order of the images, the curve and the best weights so far."""
    whole = trainee(family, optimizer)
    expected = fit(whole, validate)
    stopped = trainee(family, optimizer, stop_at=150)
    with pytest.raises(StoppedError):
        fit(stopped, validate, snapshots(tmp_path))
    assert (tmp_path / "kept" / "a.pt").is_file()
    again = trainee(family, optimizer)
    with torch.no_grad():  # nothing of the new network's own weights may matter
        for parameter in again.network.parameters():
            parameter.add_(1)
    drawn: list[int] = []
    counted = Moves(lambda step, count: drawn.append(step) or again.moves.draw(step, count), again.moves.apply)
    result = fit(
        Trainee(again.network, again.inputs, again.targets, counted, again.budget, 0), validate, snapshots(tmp_path)
    )
    assert drawn == [0, *range(128, TOTAL)]  # 0 for the pass that warms up
    assert without_times(result) == without_times(expected)
    assert (result.steps, result.diverged_at) == (expected.steps, expected.diverged_at)
    assert all("transformed_validation_score" in row for row in result.curve)
    state = again.network.state_dict()
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=0, atol=0)
    # kept until the network is scored, from where nothing is trained again
    scored = trainee(family, optimizer)
    trained = fit(scored, validate, snapshots(tmp_path))
    assert without_times(trained) == without_times(expected)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(scored.network.state_dict()[name], value, rtol=0, atol=0)
    snapshots(tmp_path).remove()
    assert not (tmp_path / "kept").exists()


def test_networks_that_train_together_go_on_together(tmp_path: Path) -> None:
    whole = [trainee("cnn", seed=seed, dropout=0) for seed in (0, 1)]
    expected = fit_together(whole, [validate] * 2)
    both = [trainee("cnn", dropout=0), trainee("cnn", seed=1, dropout=0, stop_at=130)]
    with pytest.raises(StoppedError):
        fit_together(both, [validate] * 2, snapshots(tmp_path))
    again = [trainee("cnn", seed=seed, dropout=0) for seed in (0, 1)]
    results = fit_together(again, [validate] * 2, snapshots(tmp_path))
    assert [without_times(each) for each in results] == [without_times(each) for each in expected]
    for one, other in zip(whole, again, strict=True):
        for name, value in one.network.state_dict().items():
            torch.testing.assert_close(other.network.state_dict()[name], value, rtol=0, atol=0)


def stopped_once(folder: Path) -> Path:
    with pytest.raises(StoppedError):
        fit(trainee("cnn", stop_at=130), validate, snapshots(folder))
    return folder / "kept" / "a.pt"


@pytest.mark.parametrize("content", [b"", b"not a snapshot", None])
def test_a_snapshot_that_cannot_be_read_costs_only_itself(tmp_path: Path, content: bytes | None) -> None:
    path = stopped_once(tmp_path)
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    assert snapshots(tmp_path).load(torch.device("cpu")) is None
    assert fit(trainee("cnn"), validate, snapshots(tmp_path)).steps == TOTAL
    kept = snapshots(tmp_path).load(torch.device("cpu"))
    assert kept is not None
    assert kept["done"] == TOTAL


def test_a_snapshot_of_other_settings_is_not_gone_on_from(tmp_path: Path) -> None:
    stopped_once(tmp_path)
    assert snapshots(tmp_path).load(torch.device("cpu")) is not None
    assert snapshots(tmp_path, {"cells": "b"}).load(torch.device("cpu")) is None


def test_a_disk_that_refuses_costs_only_the_snapshots(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    assert fit(trainee("cnn"), validate, snapshots(tmp_path)).steps == TOTAL


def test_a_short_training_has_none(tmp_path: Path) -> None:
    kept = Snapshots(tmp_path / "kept" / "a.pt", SETTINGS)
    assert fit(trainee("cnn"), validate, kept).steps == TOTAL
    assert not (tmp_path / "kept").exists()
