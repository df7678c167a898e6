"""Solar cells: read from the package that its user installs, which a small one stands for here."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.domains.plane.data import solar_cells
from bench.domains.plane.data.solar_cells import CLASSES, SolarCellsOptions, load
from bench.errors import UserError
from bench.registry import datasets

ODDS = np.tile([0.0, 1 / 3, 2 / 3, 1.0], 20)


def photographs() -> np.ndarray:
    """A bright cell whose lower half is dark by its odds, so that labels can be read off the pixels."""
    cells = np.full((len(ODDS), 300, 300), 200, np.uint8)
    cells[:, 150:] = (200 - 150 * ODDS)[:, None, None]
    return cells


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    package = SimpleNamespace(load_dataset=lambda: (photographs(), ODDS, np.tile(["mono", "poly"], 40)))
    monkeypatch.setattr(importlib, "import_module", {"elpv_dataset.utils": package}.__getitem__)


@pytest.mark.usefixtures("installed")
def test_a_cell_is_defective_at_even_odds_and_splits_are_stratified() -> None:
    data = load(SolarCellsOptions(size=20))
    assert data.names == CLASSES
    assert [len(split) for split in (data.train, data.validation, data.test)] == [56, 12, 12]
    for split in (data.train, data.validation, data.test):
        below = split.inputs[:, 0, 15:].double().mean((1, 2))
        assert torch.equal(split.targets, (below < 130).long())
        assert 0 < split.targets.double().mean() < 1


def test_where_the_package_is_missing_its_licence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(
        UserError, match=r"pip install elpv-dataset \(91 MB; CC BY-NC-SA 4\.0, not for commercial use\)"
    ):
        load(SolarCellsOptions())


def test_the_published_cells_are_as_published() -> None:
    if not datasets["solar-cells"].comes_along:
        pytest.skip(f"{solar_cells.PACKAGE} is not installed, as its licence is not this project's")
    data = load(SolarCellsOptions(size=16))
    splits = (data.train, data.validation, data.test)
    assert sum(map(len, splits)) == 2624
    # at even odds and more: 313 + 402 that are certain, 56 + 50 that are likely
    assert sum(int(split.targets.sum()) for split in splits) == 313 + 402 + 56 + 50
