"""Whole cells on the sphere."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.domains.sphere.data.canvas import MaskOptions
from bench.domains.sphere.data.digits import load_masks
from bench.errors import UserError
from bench.execute.data import load_data
from bench.execute.job import run_cell, run_cells
from tests.domains.sphere.signals import suite


class TestCells:
    @pytest.mark.parametrize("data", ["spherical-digits", "spherical-digits-masks"])
    def test_whole_cells(self, tmp_path: Path, data: str) -> None:
        cells = suite(tmp_path, data)
        assert len(cells) == 4
        for cell in cells:
            record = run_cell(cell, "cpu", "exclusive")
            assert (record.run["status"], record.run["reason"]) == ("done", None)
            assert 0 <= record.run["test_score"] <= 1
            assert record.run["exact_score"] is not None
            assert {row["unit"] for row in record.equivariance} == {"degrees"}
        assert {cell.score for cell in cells} == {"accuracy" if data == "spherical-digits" else "mean_iou"}

    def test_copies_and_one_rotation_for_500_examples(self, tmp_path: Path) -> None:
        augmentation = {"group": "SO(3) by 500", "strengths": [1], "copies": [2]}
        for cell in suite(tmp_path, "spherical-digits-masks", augmentation=augmentation):
            assert run_cell(cell, "cpu", "exclusive").run["status"] == "done"

    def test_together_is_as_alone(self, tmp_path: Path) -> None:
        cells = [
            cell for cell in suite(tmp_path, "spherical-digits", seeds=2) if cell.family == "s2cnn" and cell.strength
        ]
        together = run_cells(cells, "cpu", "shared")
        for cell, record in zip(cells, together, strict=True):
            assert record.run["test_loss"] == run_cell(cell, "cpu", "exclusive").run["test_loss"]

    def test_a_planar_family_is_refused_in_words(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="takes inputs of the domain plane"):
            suite(tmp_path, "spherical-digits", families=[{"family": "cnn"}])

    def test_data_are_the_same_every_time(self) -> None:
        one, again = (load_masks(MaskOptions(bandwidth=6)) for _ in range(2))
        assert one.revision == again.revision
        assert one.revision == load_data("spherical-digits-masks", {"bandwidth": 6}).revision
