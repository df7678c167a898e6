"""Plug-ins: what they add appears everywhere, they run only when named, and what is wrong with one is one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from bench import plugins
from bench.domains.plane import image_shape
from bench.errors import UserError
from bench.groups import Element
from bench.measure import equivariance_error
from bench.networks.matching import build
from bench.registry import datasets, families, measurements
from bench.suite import load, parse

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "my_layer.py"

DATA = """
import torch
from bench.data.dataset import Split
from bench.domains.plane import of_images
from bench.registry import datasets

@datasets.register("noise", version=1)
def load(options):
    \"\"\"Noise.\"\"\"
    def split(count):
        images = torch.randint(256, (count, 1, 16, 16), generator=torch.Generator().manual_seed(count))
        return Split(images.to(torch.uint8), torch.arange(count) % 2)
    return of_images("noise", ("a", "b"), split(20), split(10), split(12))
"""

SUITE = {
    "name": "small",
    "data": {"name": "digits", "size": 16, "train_sizes": [60]},
    "augmentation": {"strengths": [0]},
    "families": [{"family": "turning", "width": 2}],
    "budget": {"steps": 4, "batch_size": 8},
    "seeds": 1,
    "measure": {"brier": {"samples": 20}, "equivariance": {"angles": [90], "samples": 8}},
}


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget, after each test, what it loaded."""
    for catalogue in (families, datasets, measurements):
        monkeypatch.setattr(catalogue, "_entries", {entry.name: entry for entry in catalogue})
    monkeypatch.setattr(plugins, "_loaded", {})


def equivaug(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=_environment())


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_the_example_runs_from_its_suite_into_tables_and_figures(tmp_path: Path) -> None:
    suite = {**SUITE, "plugins": [str(EXAMPLE)]}
    (tmp_path / "small.yaml").write_text(json.dumps(suite))
    done = equivaug("run", "small.yaml", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"plug-in {EXAMPLE}: family 'turning', measurement 'brier'" in done.stdout
    runs = pd.read_parquet(tmp_path / "results/small/runs.parquet")
    assert runs["family"].to_list() == ["turning"]
    assert runs["brier_score"].between(0, 2).all()
    assert (tmp_path / "results/small/figures/measurements.png").is_file()
    errors = pd.read_parquet(tmp_path / "results/small/equivariance.parquet")
    assert errors["error"].max() < 1e-5
    # the results folder knows its plug-ins: it goes on, and is drawn, from anywhere
    again = equivaug("run", tmp_path / "results/small/suite.yaml", "--out", tmp_path / "results/small", cwd=ROOT)
    assert "1 cells: 1 done" in again.stdout, again.stderr


def test_the_examples_family_is_exactly_equivariant() -> None:
    plugins.load([str(EXAMPLE)])
    entry = families["turning"]
    network = build(entry, entry.options(), image_shape(1, 17, 4), 2.0, seed=0)
    rows = equivariance_error(network, torch.rand(4, 1, 17, 17), [Element.rotation(90), Element.rotation(180)])
    assert {row["layer"] for row in rows} > {"block1", "block6", "output"}
    assert max(row["error"] for row in rows) < 1e-5


def test_a_plug_in_is_listed_and_in_the_schema_only_where_it_is_named(tmp_path: Path) -> None:
    for command in (["list", "families"], ["schema"]):
        assert "turning" in equivaug(*command, "--plugin", EXAMPLE, cwd=tmp_path).stdout
        assert "turning" not in equivaug(*command, cwd=tmp_path).stdout


def test_a_data_set_of_a_plug_in_is_planned(tmp_path: Path) -> None:
    (tmp_path / "noise.py").write_text(DATA)
    suite = {**SUITE, "data": {"name": "noise", "train_sizes": [20]}, "families": [{"family": "cnn", "width": 2}]}
    (tmp_path / "small.yaml").write_text(json.dumps({**suite, "measure": {}}))
    done = equivaug("plan", "small.yaml", "--plugin", "noise.py", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 cells" in done.stdout


def test_a_suite_names_plug_ins_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(EXAMPLE.read_text())
    (tmp_path / "small.yaml").write_text(json.dumps({**SUITE, "plugins": ["mine.py"]}))
    monkeypatch.chdir(ROOT)
    assert load(str(tmp_path / "small.yaml")).plugins == (str(tmp_path / "mine.py"),)


def test_a_change_of_the_file_is_another_version(tmp_path: Path) -> None:
    versions = []
    for addition in ("", "\n# another thought\n"):
        (tmp_path / "mine.py").write_text(EXAMPLE.read_text() + addition)
        for catalogue in (families, measurements):
            catalogue._entries.pop("turning", None)
            catalogue._entries.pop("brier", None)
        plugins._loaded.clear()
        plugins.load([str(tmp_path / "mine.py")])
        versions.append((families["turning"].version, measurements["brier"].version))
    assert versions[0] != versions[1]
    assert versions[0][0] == versions[0][1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = (1,\n", r"mine\.py, line 1: SyntaxError"),
        ("\n\nraise RuntimeError('not today')\n", r"mine\.py, line 3: RuntimeError: not today"),
        ("import no_such_module\n", r"line 1: ModuleNotFoundError"),
        ("x = 1\n", "registers no family, data set, measurement, domain or task"),
        (
            "from bench.registry import families\nfamilies.register('cnn', version=1)(print)\n",
            "line 2: ValueError: the family 'cnn' is registered twice",
        ),
    ],
    ids=["syntax", "raises", "imports", "nothing", "taken"],
)
def test_what_is_wrong_with_a_plug_in_is_one_sentence(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(content)
    with pytest.raises(UserError, match=message) as refused:
        plugins.load([str(tmp_path / "mine.py")])
    assert "\n" not in str(refused.value)


def test_a_plug_in_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = equivaug("run", "quick", "--plugin", "nowhere.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere.py cannot be read: No such file or directory" in done.stderr
    assert done.stderr.count("\n") == 1
    with pytest.raises(UserError, match=r"unknown plug-in 'nowhere': neither a .py file nor an installed one"):
        parse({**SUITE, "plugins": ["nowhere"]})


OLD = """
from torch import nn
from bench.data.dataset import Split
from bench.groups import FieldType, Group
from bench.layers import FieldPool
from bench.models.network import Network, Shape, invariant
from bench.models.planar import PlanarOptions, planar_network
from bench.registry import families

@families.register("old", options=PlanarOptions, version=1)
def build(options: PlanarOptions, shape: Shape, width: float) -> Network:
    \"\"\"Of 0.1.\"\"\"
    block = lambda before, after, size: nn.Conv2d(before.channels, after.channels, size, padding=size // 2)
    fields = lambda count: FieldType.scalars(Group(1), count)
    assert shape.classes == 10 and invariant is not None
    return planar_network(Group(1), shape, options, width, fields, block, lambda last: (nn.Identity(), last.channels))
"""


def test_a_plug_in_of_0_1_still_loads(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(OLD)
    suite = {**SUITE, "families": [{"family": "old", "width": 2}], "measure": {"equivariance": None}}
    (tmp_path / "small.yaml").write_text(json.dumps(suite))
    found = equivaug("plan", "small.yaml", "--plugin", "old.py", "--workers", "1", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "0 done, 1 to do" in found.stdout


LAWS = """
from torch import nn
from bench.groups import FieldType, Group
from bench.models.network import Network
from bench.registry import Options, families

@families.register("lawless", options=Options, version=1)
def build(options, shape, width):
    \"\"\"With a function as a law.\"\"\"
    return Network(Group(1), {"output": (nn.Flatten(), FieldType.scalars(Group(1), 1).act)}, None)
"""


def test_a_law_that_is_a_function_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "lawless.py").write_text(LAWS)
    suite = {**SUITE, "families": [{"family": "lawless"}], "measure": {"equivariance": None}}
    (tmp_path / "small.yaml").write_text(json.dumps(suite))
    found = equivaug("plan", "small.yaml", "--plugin", "lawless.py", "--workers", "1", cwd=tmp_path)
    assert found.returncode != 0
    assert "a law is a value with the method 'act'" in found.stdout + found.stderr
