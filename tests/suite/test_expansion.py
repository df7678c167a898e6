"""From a suite to its cells."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bench.cell import Budget, Cell, Match, Measure
from tests.fakes import make_cell
from tests.suite.suites import BASE, changed, expanded, message


def test_a_suite_is_the_product_of_its_axes() -> None:
    found = expanded(BASE)
    assert len(found) == 3 * 2 * 2 * 2  # families x strengths x sizes x seeds
    assert len({cell.cell_id for cell in found}) == len(found)
    assert {cell.label for cell in found} == {"cnn", "gcnn C4", "gcnn D4"}


def test_any_single_valued_field_is_an_axis_and_labels_tell_the_choices_apart() -> None:
    raw = changed(families=[{"family": "cnn", "width": [2, 3], "budget": {"lr": [0.1, 0.01]}}], seeds=[7])
    assert {cell.label for cell in expanded(raw)} == {
        f"cnn width {width} lr {lr}" for width in (2, 3) for lr in (0.1, 0.01)
    }
    sized = expanded(changed(data__size=[16, 20]))
    assert {cell.axes()["dataset"] for cell in sized} == {"digits size 16", "digits size 20"}
    assert {cell.dataset for cell in sized} == {"digits"}


def test_a_list_valued_option_is_a_value_and_no_axis() -> None:
    found = expanded(changed(families=[{"family": "cnn", "width": 2, "channels": [1, 2], "pool_after": [1]}]))
    assert {tuple(cell.family_options["channels"]) for cell in found} == {(1.0, 2.0)}


def test_a_cell_is_itself_whatever_surrounds_it() -> None:
    ids = {cell.cell_id for cell in expanded(BASE)}
    reordered = changed(augmentation={"strengths": [1, 0.5, 0]}, name="other")
    reordered["families"].reverse()
    reordered["families"][1]["label"] = "control"
    assert ids < {cell.cell_id for cell in expanded(reordered)}
    assert not ids & {cell.cell_id for cell in expanded(changed(budget__lr=0.5))}


OTHERWISE: dict[str, Any] = {
    "dataset": "mnist",
    "dataset_options": {"size": 20},
    "dataset_version": 2,
    "data_revision": "1",
    "train_size": 101,
    "family": "other",
    "family_options": {"dropout": 0.5},
    "family_version": 2,
    "width": 2.0,
    "match": Match(target=9),
    "augmentation_group": "C4",
    "resampling": "bilinear",
    "crop": "none",
    "strength": 0.25,
    "copies": 2,
    "budget": Budget(steps=2),
    "measure": Measure(transforms=2),
    "seed": 7,
    "domain_version": 2,
    "base": "crop-flip",
    "trainer_version": 2,
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Cell) if field.compare])
def test_whatever_can_change_an_outcome_makes_another_cell(name: str) -> None:
    assert dataclasses.replace(make_cell(), **{name: OTHERWISE[name]}).cell_id != make_cell().cell_id


def test_resampling_and_crop_are_axes_whose_inputs_have_names_of_their_own() -> None:
    cells_of = expanded(
        changed(augmentation={"group": "SO(2)", "resampling": ["spline", "bilinear"], "strengths": [1]})
    )
    labels = {(cell.resampling, cell.dataset_label) for cell in cells_of}
    assert labels == {("spline", "digits spline"), ("bilinear", "digits bilinear")}
    assert {cell.axes()["resampling"] for cell in cells_of} == {"spline", "bilinear"}
    cells_of = expanded(changed(data__crop=["disc", "none"]))
    assert {(cell.crop, cell.dataset_label) for cell in cells_of} == {
        ("disc", "digits crop disc"),
        ("none", "digits crop none"),
    }
    assert message(changed(augmentation={"resampling": "cubic"})).startswith(
        "s.yaml: augmentation.resampling: should be"
    )
    assert message(changed(data__crop="circle")).startswith("s.yaml: data.crop: should be 'disc' or 'none'")


@pytest.mark.parametrize(
    ("group", "crop"), [("SO(2)", "disc"), ("C8", "disc"), ("D3", "disc"), ("D4", "none"), ("C1", "none")]
)
def test_inputs_are_cut_to_the_disc_where_the_group_moves_pixels_off_the_grid(group: str, crop: str) -> None:
    assert {cell.crop for cell in expanded(changed(augmentation={"group": group}))} == {crop}


def test_names_and_places_make_no_other_cell() -> None:
    same = make_cell(label="y", dataset_label="y", group="O(2)", suite="y", architecture="y")
    assert same.cell_id == make_cell().cell_id
    here, there = (make_cell(dataset_options={"path": path, "size": 20}) for path in ("a.npz", "/b/a.npz"))
    assert here.cell_id == there.cell_id


def test_different_choices_with_one_label_are_refused() -> None:
    twins = [{"family": "cnn", "width": 2, "label": "x"}, {"family": "gcnn", "width": 2, "label": "x"}]
    told = "families[0] and families[1] both have the label 'x'; give each a 'label' of its own"
    assert message(changed(families=twins)) == f"s.yaml: {told}"
    taken = [{"family": "cnn", "width": [2, 3], "label": "x"}, {"family": "cnn", "width": 4, "label": "x width 2"}]
    assert "both have the label 'x width 2'" in message(changed(families=taken))


def test_equal_cells_come_once() -> None:
    found = expanded(changed(families=[{"family": "cnn", "width": 2}] * 2, augmentation__copies=[2, "online"]))
    # strength 0 has no copies; strength 1 has two kinds; sizes and seeds
    assert len(found) == 3 * 2 * 2


def test_a_family_may_have_its_own_length_of_training() -> None:
    own = changed(families=[{"family": "cnn", "width": 2, "budget": {"epochs": 3}}])
    assert {(cell.budget.epochs, cell.budget.steps) for cell in expanded(own)} == {(3.0, None)}
