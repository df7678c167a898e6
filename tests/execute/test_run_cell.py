"""What a cell writes into the tables, checked against a loop of its own on toy data and a toy network."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from bench import heartbeat
from bench.cell import Budget
from bench.data.dataset import Dataset, Split, training_set
from bench.domains.plane import ImageMotion, Maps, augmentation, cropped, image_network, image_shape, of_images
from bench.execute import data, job, prepare, provenance, scoring
from bench.execute import probe as probing
from bench.execute.data import load_data
from bench.execute.job import run_cell
from bench.execute.probe import probe
from bench.geometry import INVARIANT, Shape
from bench.groups import FieldType, Group
from bench.measure import Inputs, Measured
from bench.networks.network import Network
from bench.networks.size import count_flops, count_parameters
from bench.registry import Options, datasets, families, measurements
from bench.results.store import Record
from bench.seeds import generator
from bench.suite import measure
from bench.train import Fit, Trainee, loop, snapshot
from tests.fakes import make_cell

TRAIN, VALIDATION, TEST = 40, 30, 50


TROUBLE = {
    "device": torch.OutOfMemoryError("no\nroom"),
    "host": MemoryError(),
    "allocator": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory\nframe #0"),
    "bug": ValueError("no\nidea " * 200),
}


class ToyData(Options):
    wrong_validation: int = Field(0, description="validation labels that are wrong")
    wrong_test: int = Field(0, description="test labels that are wrong")


class ToyNetwork(Options):
    trouble: str = Field("", description="what to raise")


def bars(count: int, wrong: int, seed: int) -> Split:
    """Upright bars (0) and lying ones (1) under noise; the first labels may be wrong."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = torch.randint(0, 60, (count, 1, 16, 16), generator=generator)
    images[labels == 0, :, 3:13, 7:9] = 255
    images[labels == 1, :, 7:9, 3:13] = 255
    labels[:wrong] = 1 - labels[:wrong]
    return Split(images.to(torch.uint8), labels)


def toy_data(options: ToyData) -> Dataset:
    """Bars."""
    splits = bars(TRAIN, 0, 1), bars(VALIDATION, options.wrong_validation, 2), bars(TEST, options.wrong_test, 3)
    return of_images("toy", ("upright", "lying"), *splits)


def toy_network(options: ToyNetwork, shape: Shape, width: float) -> Network:
    """Two linear layers: small, quick and anything but invariant."""
    if options.trouble:
        raise TROUBLE[options.trouble]
    group = Group(1)
    hidden = nn.Sequential(nn.Flatten(), nn.Linear(shape.channels * shape.size**2, int(width)))
    scalars = FieldType.scalars(group, shape.channels)
    return image_network(
        group,
        {
            "image": (nn.Identity(), Maps(scalars, shape.size)),
            "hidden": (hidden, INVARIANT),
            "output": (nn.Linear(int(width), shape.outputs), INVARIANT),
        },
    )


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    datasets.register("toy", options=ToyData, version=1)(toy_data)
    families.register("toy", options=ToyNetwork, version=1)(toy_network)
    yield
    del datasets._entries["toy"], families._entries["toy"]


def toy(data: dict[str, Any] | None = None, **changes: Any) -> Any:
    data = data or {}
    content = {
        "dataset": "toy",
        "dataset_options": data,
        "data_revision": load_data("toy", data).revision,
        "train_size": 30,
        "family": "toy",
        "width": 3.0,
        "strength": 0.0,
        "budget": Budget(steps=12, batch_size=8, evaluations=4, lr=0.02),
        "measure": measure({"equivariance": None, "calibration": None}),
    }
    return make_cell(**(content | changes))


class Spy:
    """What reached `fit`, and the network that came out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.initial: dict[str, Tensor] = {}
        self.inputs = self.targets = torch.empty(0)
        self.network: Any = None
        self.augment: Any = None
        fit = job.fit

        def spied(trainee: Trainee, validate: Any, *others: Any) -> Fit:
            self.initial = {key: value.clone() for key, value in trainee.network.state_dict().items()}
            self.network, self.inputs, self.targets = trainee.network, trainee.inputs, trainee.targets
            self.augment = lambda images, step: trainee.moves.apply(
                images, self.targets[: len(images)], *trainee.moves.draw(step, len(images))
            )[0]
            return fit(trainee, validate, *others)

        monkeypatch.setattr(job, "fit", spied)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


def done(cell: Any) -> Record:
    record = run_cell(cell, "cpu", "exclusive")
    assert record.run["status"] == "done", record.run["reason"]
    return record


@torch.no_grad()
def scores(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    logits = network(images)
    return float((logits.argmax(1) == labels).float().mean()), float(F.cross_entropy(logits, labels))


# scores


def test_scores_are_those_of_the_trained_network_on_test_images_upright_and_moved_by_the_whole_group(spy: Spy) -> None:
    cell = toy(
        {"wrong_test": 10},
        strength=0.1,
        measure=measure({"equivariance": None, "calibration": None, "transforms": 3, "test_images": 40}),
    )
    run = done(cell).run
    data = load_data("toy", {"wrong_test": 10})
    images, labels = data.test.inputs[:40].float() / data.rms, data.test.targets[:40]
    upright = cropped(images, "disc")
    assert (run["test_score"], run["test_loss"]) == pytest.approx(scores(spy.network, upright, labels))
    assert (run["test_size"], run["chance_score"]) == (40, float(labels.bincount().max()) / 40)
    whole = augmentation(Group.parse("SO(2)"), 1.0, crop="disc")
    moved = torch.cat([whole(images, 0, "evaluation", draw) for draw in range(3)])
    expected = scores(spy.network, moved, labels.repeat(3))
    assert (run["transformed_score"], run["transformed_loss"]) == pytest.approx(expected)
    assert run["transformed_score"] < run["test_score"] - 0.1
    assert run["test_score"] <= 0.8


@pytest.mark.parametrize("group", ["SO(2)", "D8", "D4", "D1"])
def test_controls_are_scores_on_inputs_moved_exactly_and_on_inputs_resampled_but_not_moved(
    spy: Spy, group: str
) -> None:
    parsed = Group.parse(group)
    crop = "none" if parsed.keeps_grid else "disc"
    run = done(toy({"wrong_test": 10}, augmentation_group=group, crop=crop)).run
    data = load_data("toy", {"wrong_test": 10})
    images, labels = data.test.inputs.float() * (1 / data.rms), data.test.targets
    exact = augmentation(parsed.on_grid, 1.0, crop=crop)(images, 0, "evaluation", 0)
    assert run["exact_score"] == pytest.approx(scores(spy.network, exact, labels)[0])
    if parsed.keeps_grid:
        assert run["exact_score"] == run["transformed_score"]
        assert run["resampled_score"] == run["test_score"]
    else:
        resampled = ImageMotion(Group(None), "spline", "disc").resampled(images, generator(0, "control"))
        assert run["resampled_score"] == pytest.approx(scores(spy.network, resampled, labels)[0])


def test_a_group_without_exact_elements_has_no_exact_control() -> None:
    assert done(toy(augmentation_group="C3")).run["exact_score"] is None


def test_validation_and_test_images_do_not_meet(spy: Spy) -> None:
    clean = done(toy())
    wrong_test, wrong_validation = done(toy({"wrong_test": 20})), done(toy({"wrong_validation": 15}))
    validated = [[row["validation_score"] for row in r.curves] for r in (clean, wrong_test, wrong_validation)]
    assert validated[0] == validated[1] != validated[2]
    assert clean.run["validation_score"] == wrong_test.run["validation_score"] == validated[0][-1]
    assert clean.run["test_score"] == wrong_validation.run["test_score"] == 1
    assert wrong_test.run["test_score"] == pytest.approx(1 - 20 / TEST)
    assert wrong_validation.run["validation_score"] == pytest.approx(1 - 15 / VALIDATION)


def test_validation_images_are_moved_as_in_training(spy: Spy) -> None:
    upright, moved = done(toy()), done(toy(strength=1.0))
    assert upright.run["validation_score"] == 1
    assert moved.run["validation_score"] < 1


def test_transformed_validation_is_the_same_for_every_strength(spy: Spy) -> None:
    whole = augmentation(Group.parse("SO(2)"), 1.0, crop="disc")
    data = load_data("toy", {})
    images, labels = data.validation.inputs.float() / data.rms, data.validation.targets
    for strength in (0.0, 0.3, 1.0):
        record = done(toy(strength=strength))
        expected = scores(spy.network, whole(images, 0, "evaluation", 0), labels)[0]
        assert record.run["transformed_validation_score"] == pytest.approx(expected)
        upright = scores(spy.network, cropped(images, "disc"), labels)[0]
        assert record.run["upright_validation_score"] == pytest.approx(upright)
        assert record.curves[-1]["transformed_validation_score"] == pytest.approx(expected)


# what the seed, the subset and the augmentation are


def test_a_seed_draws_its_own_weights_and_its_own_images(spy: Spy) -> None:
    found = []
    for seed in (0, 0, 1):
        done(toy(seed=seed))
        found.append((spy.initial["stages.output.weight"], spy.inputs))
    assert all(torch.equal(first, again) for first, again in zip(found[0], found[1], strict=True))
    assert not any(torch.equal(first, other) for first, other in zip(found[0], found[2], strict=True))
    assert spy.inputs.shape == (30, 1, 16, 16)
    pool = load_data("toy", {}).train.inputs.float()
    assert float((pool / load_data("toy", {}).rms).square().mean()) == pytest.approx(1)


def subset(data: Dataset) -> Tensor:
    return training_set(data, 30, 0).inputs.float() * (1 / data.rms)


def test_augmentation_is_online_and_copies_are_made_once_before(spy: Spy) -> None:
    done(toy())
    upright = spy.inputs
    done(toy(strength=1.0))
    online, batch = spy.inputs, spy.inputs[:8]
    moving = augmentation(Group.parse("SO(2)"), 1.0, crop="disc")
    data = load_data("toy", {})
    assert torch.equal(upright, cropped(subset(data), "disc"))
    assert torch.equal(online, moving.prepare(subset(data)))
    drawn = moving.draw(8, 0, "augmentation", 5)
    assert torch.equal(spy.augment(batch, 5), moving.move(batch, spy.targets[:8], *drawn)[0])
    assert not torch.equal(spy.augment(batch, 5), batch)
    done(toy(strength=1.0, copies=3))
    assert spy.inputs.shape[0] == 3 * len(online) == len(spy.targets)
    assert not any(torch.equal(copy, online) for copy in spy.inputs.split(len(online)))
    assert torch.equal(spy.augment(batch, 5), batch)


def test_copies_change_the_images_and_not_the_number_of_steps() -> None:
    budget = Budget(epochs=2, batch_size=10)
    steps = [
        run_cell(toy(strength=1.0, copies=copies, budget=budget), "cpu", "exclusive").run["steps"] for copies in (0, 3)
    ]
    assert steps == [6, 6]


# long cells


class StoppedError(BaseException):
    """What the process was ended by."""


def test_a_cell_that_was_stopped_while_it_was_scored_is_not_trained_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = toy(strength=0.5, budget=Budget(steps=100, batch_size=10, evaluations=2, checkpoint="best"))
    expected = done(cell)
    monkeypatch.setattr(snapshot, "APART", 0.0)
    with monkeypatch.context() as stopped:

        def stop(*scored: Any) -> None:
            raise StoppedError

        stopped.setattr(job, "scores", stop)
        with pytest.raises(StoppedError):
            run_cell(cell, "cpu", "exclusive", tmp_path / "snapshots")
    assert "goes on" not in capsys.readouterr().err
    record = run_cell(cell, "cpu", "exclusive", tmp_path / "snapshots")
    assert "goes on after 100 of 100 steps" in capsys.readouterr().err
    assert not (tmp_path / "snapshots").exists()
    assert record.run["train_seconds"] > 0
    for name in ("steps", "test_loss", "transformed_loss", "validation_loss", "test_right"):
        assert record.run[name] == expected.run[name]
    curves = [[{k: v for k, v in row.items() if k != "seconds"} for row in each.curves] for each in (record, expected)]
    assert curves[0] == curves[1]


def test_scoring_and_measuring_give_signs_of_life_too(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[heartbeat.Beat] = []
    monkeypatch.setattr(heartbeat, "APART", 0.0)
    heartbeat.listen(heard.append)
    try:
        cell = toy(strength=0.5, measure=measure({"equivariance": None, "orbit": {}, "roc": {}}))
        done(cell)
    finally:
        heartbeat.listen(None)
    kinds = list(dict.fromkeys(beat.doing for beat in heard))
    # calibration and areas under curves are of the answers that were scored
    assert kinds == ["training", "scoring", "measuring orbit"]
    scored = [beat for beat in heard if beat.doing == "scoring"]
    assert all(beat.loss is None for beat in scored)
    # all that is scored was announced, and no more
    assert scored[-1].done == scored[-1].total
    assert {beat.total for beat in scored} == {scored[-1].total}
    measured = [beat for beat in heard if beat.doing == "measuring orbit"]
    assert measured[-1].done > 0
    assert measured[-1].total is None
    done(cell)  # nobody listens


# outcomes


@pytest.mark.parametrize(("share", "timing"), [(1.0, "exclusive"), (0.5, "shared")])
def test_exclusive_is_what_had_a_processor_all_the_time(
    monkeypatch: pytest.MonkeyPatch, share: float, timing: str
) -> None:
    """One worker alone does not make it so: another program may have had the processor."""
    monkeypatch.setattr(loop.time, "process_time", lambda: share * time.perf_counter())
    run = run_cell(toy(), "cpu", "exclusive").run
    assert run["cpu_share"] == pytest.approx(share, rel=0.05)
    assert run["timing"] == timing
    assert run_cell(toy(), "cpu", "shared").run["timing"] == "shared"


def test_divergence_names_the_step_and_measures_nothing_afterwards() -> None:
    cell = toy(budget=Budget(steps=6, batch_size=8, lr=1e38), measure=measure({"equivariance": {"samples": 4}}))
    record = run_cell(cell, "cpu", "exclusive")
    assert record.run["status"] == "diverged"
    assert "at step" in record.run["reason"]
    assert "test_score" not in record.run
    assert {row["stage"] for row in record.equivariance} == {"init"}


@pytest.mark.parametrize(
    ("trouble", "status"), [("device", "oom"), ("host", "oom"), ("allocator", "oom"), ("bug", "failed")]
)
def test_what_goes_wrong_is_in_the_record(trouble: str, status: str) -> None:
    run = run_cell(toy(family_options={"trouble": trouble}), "cpu", "shared").run
    assert (run["status"], run["timing"]) == (status, "shared")
    assert run["reason"]
    assert "\n" not in run["reason"]
    assert len(run["reason"]) < 400
    assert run["version"]


def test_data_that_changed_since_the_plan_is_refused() -> None:
    run = run_cell(toy(data_revision="another"), "cpu", "exclusive").run
    assert run["status"] == "failed"
    assert "changed since the cell was planned" in run["reason"]


# the other columns


def test_sizes_settings_and_times_are_told(spy: Spy) -> None:
    run = done(toy()).run
    assert run["parameters"] == count_parameters(spy.network) == 256 * 3 + 3 + 3 * 2 + 2
    assert run["flops_per_example"] == count_flops(spy.network, image_shape(1, 16, 2)) == 2 * (256 * 3 + 3 * 2)
    assert (run["width"], run["steps"], run["lr"], run["batch_size"]) == (3.0, 12, 0.02, 8)
    assert run["examples_per_second"] == pytest.approx(12 * 8 / run["train_seconds"])
    assert 0 < run["build_seconds"] + run["train_seconds"] < run["total_seconds"]
    assert run["threads"] == torch.get_num_threads() == 1
    assert run["peak_memory_bytes"] > 2**20


def test_equivariance_is_measured_at_init_and_after_training_and_mirrored_where_the_group_is() -> None:
    asked = measure({"equivariance": {"angles": [30, 90], "samples": 6}})
    record = done(toy(measure=asked, augmentation_group="O(2)"))
    rows = {(r["stage"], r["layer"], r["magnitude"], r["kind"]): r for r in record.equivariance}
    elements = {(degrees, kind) for _, _, degrees, kind in rows}
    assert elements == {(30.0, "rotation"), (90.0, "rotation"), (0.0, "mirrored rotation")}
    assert {layer for _, layer, *_ in rows} == {"input", "image", "hidden", "output"}
    init, trained = (rows[stage, "output", 90.0, "rotation"] for stage in ("init", "trained"))
    assert init["samples"] == trained["samples"] == 6
    assert init["error"] != trained["error"]
    ends = [rows[("trained", "output", *element)] for element in elements]
    assert record.run["equivariance_error_max"] == max(row["error"] for row in ends)
    assert record.run["invariance_rate"] == pytest.approx(sum(row["invariance_rate"] for row in ends) / 3)
    unmirrored = done(toy(measure=asked))
    assert {row["kind"] for row in unmirrored.equivariance} == {"rotation"}


@pytest.mark.parametrize(
    ("target", "expected"), [(None, None), (0.5, 1.0), (0.7, 2.0), (0.85, 4.0), (0.95, None)], ids=str
)
def test_seconds_to_target_are_those_of_the_first_evaluation_that_reaches_it(
    target: float | None, expected: float | None
) -> None:
    reached = [{"seconds": 1.0 + i, "validation_score": value} for i, value in enumerate((0.5, 0.8, 0.6, 0.9))]
    cell = make_cell(measure=measure({"target_score": target}))
    assert scoring.seconds_to_target(cell, reached) == expected


class Ticks:
    """A clock that advances by one second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self, device: Any = None) -> float:
        self.now += 1
        return self.now


def test_a_probe_counts_building_every_scoring_and_both_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking = Ticks()
    for room in (prepare, probing):
        monkeypatch.setattr(room, "clock", ticking)
    asked = measure(
        {"equivariance": {"angles": [90], "samples": 6}, "calibration": None, "transforms": 2, "test_images": 15}
    )
    cost = probe([toy(budget=Budget(epochs=4, batch_size=8, evaluations=3), measure=asked)], "cpu")
    # one second to build, one to score 30 images, one for the measurements at both stages;
    # scored are (2 x 3 + 3) x 30 validation and (2 + 2 x 2) x 15 test images
    assert cost.fixed_seconds == pytest.approx(1 + (9 * 30 + 6 * 15) / 30 + 1)
    assert cost.step_seconds > 0
    assert (cost.peak_memory_bytes or 0) > 2**20


@pytest.mark.parametrize("refused", [False, True])
def test_a_probe_of_cells_that_train_together_tells_the_share_of_one(
    refused: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of ten seconds for all of them, or of all ten where they turn out not to train beside one another."""
    trained = []

    def fit_together(trainees: Sequence[Trainee], validates: Any) -> list[Any]:
        trained.append([trainee.seed for trainee in trainees])
        if refused and len(trainees) > 1:
            raise RuntimeError("no two of these")
        return [SimpleNamespace(seconds=10.0) for _ in trainees]

    monkeypatch.setattr(probing, "fit_together", fit_together)
    cost = probe([toy(seed=seed) for seed in range(4)], "cpu", steps=5)
    assert cost.step_seconds == (2.0 if refused else 0.5)
    assert [len(seeds) for seeds in trained] == ([4, 1] if refused else [4])
    assert len(set(trained[0])) == 4
    assert ("one by one, because together: RuntimeError: no two of these" in capsys.readouterr().err) == refused


def test_building_does_not_count_what_is_imported_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks()
    monkeypatch.setattr(prepare, "clock", ticks)
    load = data.load_data

    def slow(*arguments: Any) -> Dataset:
        ticks.now += 100
        return load(*arguments)

    monkeypatch.setattr(prepare, "load_data", slow)
    assert done(toy()).run["build_seconds"] == 1


@pytest.mark.parametrize("kind", ["loose", "packed", "detached"])
def test_the_commit_is_read_from_the_repository(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, git = "0123456789abcdef" * 2 + "01234567", tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{commit}\n" if kind == "detached" else "ref: refs/heads/main\n")
    if kind == "loose":
        (git / "refs/heads/main").write_text(f"{commit}\n")
    (git / "packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/old\n{commit} refs/heads/main\n")
    monkeypatch.setattr(provenance.bench, "__file__", str(tmp_path / "bench" / "__init__.py"))
    provenance._commit.cache_clear()
    assert provenance._commit() == commit[:12]
    provenance._commit.cache_clear()


# registered measurements


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Register measurements for one test; whatever they are, they are gone afterwards."""
    monkeypatch.setattr(measurements, "_entries", dict(measurements._entries))
    return measurements.register


def test_a_registered_measurement_has_its_options_and_its_columns(measured: Any) -> None:
    class Half(Options):
        share: float = 0.5

    @measured("half", options=Half, version=3)
    def half(options: Half, network: Network, inputs: Inputs) -> Measured:
        """Half."""
        assert not network.training
        return Measured({"half": options.share * len(inputs.upright[0])}, [{"layer": "output", "error": 1.0}])

    asked = {"equivariance": None, "calibration": None, "test_images": 40}
    record = done(toy(measure=measure({**asked, "half": {"share": 0.25}})))
    assert record.run["half"] == 10
    assert record.equivariance == [{"stage": "trained", "layer": "output", "error": 1.0}]
    assert done(toy(measure=measure({**asked, "half": True}))).run["half"] == 20
    assert "half" not in done(toy(measure=measure(asked))).run
    ids = {toy(measure=measure({**asked, "half": half})).cell_id for half in ({"share": 0.25}, True, None)}
    assert len(ids) == 3


def test_a_measurement_that_fails_or_takes_a_column_is_named(measured: Any) -> None:
    @measured("broken", version=1)
    def broken(options: Options, network: Network, inputs: Inputs) -> Measured:
        """Broken."""
        raise ZeroDivisionError("no half")

    @measured("greedy", version=1)
    def greedy(options: Options, network: Network, inputs: Inputs) -> Measured:
        """Greedy."""
        return Measured({"test_score": 1.0})

    for name, reason in (
        ("broken", "the measurement 'broken' failed: ZeroDivisionError: no half"),
        ("greedy", "the measurement 'greedy' returns the column 'test_score', which is taken"),
    ):
        run = run_cell(toy(measure=measure({name: True})), "cpu", "exclusive").run
        assert run["status"] == "failed"
        assert reason in run["reason"]


def test_a_version_of_a_measurement_is_part_of_a_cells_identity(measured: Any) -> None:
    ids = []
    for version in (1, 2):
        measurements._entries.pop("changing", None)
        measured("changing", version=version)(lambda options, network, inputs: Measured())
        ids.append(toy(measure=measure({"changing": True})).cell_id)
    assert ids[0] != ids[1]
