"""The doctor's checks: a finding is a row of a file, a broken device is told, and this CPU is fine."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench.doctor import command, report, rightness
from bench.doctor.finding import Finding
from bench.doctor.subjects import labels, subjects, trainee
from bench.registry import families
from bench.train.step import Step

CPU = torch.device("cpu")


@pytest.mark.parametrize("value", [0.0, 1.5, math.nan, math.inf])
def test_a_finding_survives_its_file(value: float) -> None:
    finding = Finding("steps", "cnn", "difference", value, 1.0, "why")
    again = Finding.parse(finding.json())
    assert again.right == finding.right == (value == 0.0)
    assert again == finding or not math.isfinite(value)
    assert Finding("speed", "cnn", "ms", value).right  # only told


def test_every_family_is_a_subject() -> None:
    assert {cell.family for cell in subjects().values()} == {family.name for family in families}


def few(monkeypatch: pytest.MonkeyPatch, *labels: str) -> None:
    """Let checks look at a few networks."""
    chosen = {label: subjects()[label] for label in labels}
    monkeypatch.setattr(rightness, "subjects", lambda: chosen)


@pytest.mark.parametrize("check", rightness.CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_wrong_with_this_cpu(check: rightness.Check, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, "cnn", "steerable C8", "emlp")
    assert [finding for finding in check(CPU) if not finding.right] == []


def test_a_wrong_derivative_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As CUDA's, which reads the inverse deviation where this one would be given a variance."""
    few(monkeypatch, "gcnn C4")
    right = torch.ops.aten.native_batch_norm_backward
    trusted = rightness._slopes

    def slopes(each: object, contiguous: bool = False) -> Tensor:
        wrong = right if contiguous else lambda *args: [part * 0.7 for part in right(*args)]
        with monkeypatch.context() as patched:
            patched.setattr(torch.ops.aten, "native_batch_norm_backward", wrong)
            return trusted(each, contiguous)  # type: ignore[arg-type]

    monkeypatch.setattr(rightness, "_slopes", slopes)
    found = [finding for finding in rightness.gradients(CPU) if "float32" in finding.measure]
    assert [finding.right for finding in found] == [False]


@pytest.mark.parametrize("label", labels())
def test_no_step_visits_the_host(label: str) -> None:
    """A captured step can neither read a number back nor bring one from the host."""
    step = Step([trainee(subjects()[label], CPU)], 20)
    step.load(0)
    step()
    with rightness.HostVisits() as visits:
        step()
    assert visits.count == 0, visits.names


class Reads(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features * float(features.mean()) + torch.tensor([1.0])


def test_visits_of_the_host_are_counted() -> None:
    with rightness.HostVisits() as visits:
        Reads()(torch.ones(3))
    assert visits.names == {"_local_scalar_dense", "lift_fresh"}


def test_what_a_check_raises_and_what_kills_it_are_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = command._apart("no such check", "cpu")
    assert [finding.right for finding in found] == [False]
    assert "KeyError" in found[0].remark
    findings = {"steps": [Finding("steps", "cnn", "difference", 1.0, 0.0)]}
    monkeypatch.setattr(command, "_apart", lambda name, device: findings.get(name, []))
    out = tmp_path / "new" / "found.jsonl"
    assert command.check("cpu", out) == 1
    assert [Finding.parse(line) for line in out.read_text().splitlines()] == findings["steps"]
    findings.clear()
    assert command.check("cpu", out) == 0


def test_a_package_that_is_missing_is_told_with_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "elpv_dataset" else find(name))
    (row,) = [line for line in report.report()[0] if line.startswith("data solar-cells: ")]
    assert row.startswith("data solar-cells: missing the package elpv_dataset; ")
    assert "not for commercial use" in row
