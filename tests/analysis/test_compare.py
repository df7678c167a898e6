"""Two results folders, cell by cell: regressions are found, chance is not one, nothing is left out in silence."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from bench.analysis.compare import compare, sentences
from bench.cli import main
from bench.results import tables as made
from bench.results.tables import Tables
from tests.matrices import matrix, noise

VALUE = "transformed_score"


def base(label: str, size: int, strength: float, seed: int) -> float:
    return 0.8 + noise(label, size, strength, seed)


def changed(by: float, label: str = "cnn", jitter: float = 0.002) -> Tables:
    rng = np.random.default_rng(0)
    tables = matrix(base)
    mine = tables.runs["label"] == label
    tables.runs.loc[mine, VALUE] += by + rng.normal(0, jitter, mine.sum())
    return tables


def verdicts(found: pd.DataFrame) -> dict[str, str]:
    return dict(zip(found["label"], found["verdict"], strict=True))


def test_equal_folders_are_equal() -> None:
    found = compare(matrix(base), matrix(base), VALUE, 0)
    assert set(verdicts(found.labels).values()) == {"equal"}
    assert not found.regressed


@pytest.mark.parametrize(("by", "verdict"), [(-0.02, "regressed"), (0.02, "improved"), (0.0, "unclear")])
def test_a_change_of_one_family_is_told_of_that_family(by: float, verdict: str) -> None:
    found = compare(matrix(base), changed(by), VALUE, 0)
    assert verdicts(found.labels) == {"cnn": verdict, "steerable C8": "equal"}
    assert found.regressed == (verdict == "regressed")


def test_less_is_better_of_seconds() -> None:
    faster = matrix(base, train_seconds=2.0)
    found = compare(matrix(base), faster, "train_seconds", 0)
    assert found.labels["change"].to_list() == pytest.approx([2 / 3] * 2)  # 2 s of their mean of 3
    assert compare(faster, matrix(base), "train_seconds", 0).regressed


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0.0, 0.0, "equal"),
        (0.0, 1e-7, "regressed"),
        (1e-7, 0.0, "improved"),
        (0.5, math.inf, "regressed"),
        (math.inf, math.inf, "equal"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_values_of_zero_and_infinity_are_compared_too(before: float, after: float, verdict: str) -> None:
    value = "equivariance_error_mean"
    found = compare(matrix(base, **{value: before}), matrix(base, **{value: after}), value, 0)
    assert set(verdicts(found.labels).values()) == {verdict}
    assert found.regressed == (verdict == "regressed")
    assert "nan" not in "\n".join(sentences(found))


def test_a_tolerance_lets_small_changes_pass() -> None:
    worse = changed(-0.02)
    assert compare(matrix(base), worse, VALUE, 0.015).regressed
    assert not compare(matrix(base), worse, VALUE, 0.03).regressed


def test_noise_alone_is_a_regression_in_at_most_5_of_100_comparisons() -> None:
    rng = np.random.default_rng(0)
    before, called = matrix(base, sizes=(100,)), 0
    for _ in range(100):
        after = replace(before, runs=before.runs.assign(**{VALUE: before.runs[VALUE] + rng.normal(0, 0.01, 20)}))
        called += compare(before, after, VALUE, 0).regressed
    assert called <= 10


def test_cells_of_one_folder_alone_are_told_and_lost_ones_are_a_regression() -> None:
    before, after = matrix(base), matrix(base)
    after.runs.loc[0, ["status", "reason"]] = ["diverged", "the loss was not finite at step 7"]
    fewer = replace(after, runs=after.runs.drop(index=[1, 2]))
    found = compare(before, fewer, VALUE, 0)
    assert (len(found.only_a), len(found.only_b), len(found.lost)) == (3, 0, 1)
    assert found.regressed
    text = "\n".join(sentences(found))
    assert "done only in A: 3 cells" in text
    assert "not finite at step 7" in text


def write(folder: Path, tables: Tables) -> str:
    made.write(tables, folder)
    return str(folder)


@pytest.mark.parametrize(("by", "tolerance", "code"), [(-0.02, "0", 1), (-0.02, "0.05", 0), (0.02, "0", 0)])
def test_the_exit_code_is_1_for_a_regression(
    by: float, tolerance: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = write(tmp_path / "a", matrix(base)), write(tmp_path / "b", changed(by))
    monkeypatch.setattr("sys.argv", ["equivaug", "compare", a, b, "--tolerance", tolerance])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code


def test_what_cannot_be_compared_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write(tmp_path / "a", matrix(base)), write(tmp_path / "b", matrix(base, sizes=(300,)))
    twice = matrix(base)
    twins = write(tmp_path / "t", replace(twice, runs=pd.concat([twice.runs, twice.runs.assign(cell_id="x")])))
    for other, option, message in (
        (b, VALUE, "no cell has a transformed_score in both"),
        (b, "equivariance_error_mean", "no cell has a equivariance_error_mean in both"),
        (twins, VALUE, "two cells of B have all their axes in common"),
        (b, "transformed", "--value 'transformed' is unknown"),
        (str(tmp_path / "nothing"), VALUE, "nothing is not a results folder"),
    ):
        monkeypatch.setattr("sys.argv", ["equivaug", "compare", a, other, "--value", option])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1


def test_the_cells_of_one_seed_are_one_observation() -> None:
    """Two runs of the same code, in which a seed's settings go up and down together: hardly ever a change."""
    first = matrix(base)
    runs, labels, seeds = first.runs, first.runs["label"], first.runs["seed"]
    called = cells_called = 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        changes = seeds.map(dict(enumerate(rng.normal(0, 0.02, 5)))) + rng.normal(0, 0.02, len(runs))
        found = compare(first, replace(first, runs=runs.assign(**{VALUE: runs[VALUE] + changes})), VALUE, 0)
        called += set(verdicts(found.labels).values()) != {"unclear"}
        p = [ttest_1samp(changes[labels == label], 0).pvalue for label in labels.unique()]
        cells_called += min(p) * len(p) < 0.05
    assert called / 200 <= 0.08
    assert cells_called / 200 > 0.15  # the control: as if every cell were an observation of its own


def test_bytes_that_changed_alike_for_all_seeds_have_changed() -> None:
    larger = matrix(base)
    before = matrix(base)
    before.runs["peak_memory_bytes"] = 1000.0
    larger.runs["peak_memory_bytes"] = 1100.0
    assert compare(before, larger, "peak_memory_bytes", 0).regressed
