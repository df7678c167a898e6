"""What a cell is: pinned identities, which results on other people's disks carry, and fields that came later."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from bench.canonical import Since, plain
from bench.cell import Budget, Cell, Chosen, Match, Measure, Spec
from bench.domains.plane.models.planar import PlanarOptions
from bench.plan.matrix import make
from bench.registry import datasets, families, measurements
from bench.suite import parse
from tests.fakes import make_cell

SIZE = {"size": 16}
BUDGETS = {
    "steps": Budget(steps=600, batch_size=32, lr=0.01, evaluations=12),
    "paper": Budget(epochs=300, batch_size=128, lr=0.001, schedule="constant", weight_decay=0, evaluations=4),
}


def options(family: str, **given: Any) -> dict[str, Any]:
    return plain(families[family].options(**given))


def pinned() -> dict[str, Cell]:
    equivariance = Chosen(name="equivariance", version=2, options={"angles": [45.0, 90.0], "samples": 64})
    return {
        "the least": make_cell(),
        "matched": make_cell(3, match=Match(by="flops", target=6_500_000), width=None, budget=BUDGETS["steps"]),
        "cnn": make_cell(1, family="cnn", family_options=options("cnn"), family_version=2, dataset_options=SIZE),
        "gcnn": make_cell(2, family="gcnn", family_options=options("gcnn", group="C4"), family_version=2),
        "steerable": make_cell(
            0,
            family="steerable",
            family_options=options("steerable", group="C8"),
            family_version=2,
            measure=Measure(transforms=2, chosen=(equivariance,)),
            strength=1.0,
            copies=4,
        ),
        "paper": make_cell(
            0, family="p4cnn", family_options=options("p4cnn"), family_version=3, budget=BUDGETS["paper"]
        ),
    }


IDS = {
    "the least": "34689b83d5aa801dd1c4",
    "matched": "3daf7943adb9e74004ed",
    "cnn": "dcf3553fae9a3b8d6bfb",
    "gcnn": "9f49d817b9f00f19a8f1",
    "steerable": "cdbbf798b7601768066b",
    "paper": "af8072f2b3fe7191d987",
}


@pytest.mark.parametrize("name", IDS)
def test_identities_stay(name: str) -> None:
    """Where one of these changes, every result that anybody has is another cell's: raise a version instead."""
    assert pinned()[name].cell_id == IDS[name]


def test_words_for_people_are_no_part_of_it() -> None:
    cell = make_cell()
    named = replace(cell, label="a", rival="b", dataset_label="c", group="C8", suite="s", seeding="2 choose")
    assert named.cell_id == cell.cell_id


class Early(Spec):
    kept: int = 1


class Later(Spec):
    kept: int = 1
    added: Annotated[int, Since(2)] = Field(0, description="came later")
    inner: Early = Early()


def test_a_field_that_came_later_counts_where_it_is_used() -> None:
    assert plain(Later()) == {"kept": 1, "inner": {"kept": 1}}
    assert plain(Later(added=3)) == {"kept": 1, "added": 3, "inner": {"kept": 1}}


@pytest.mark.parametrize("of", ["domain_version", "trainer_version"])
def test_versions_of_the_rules_count_from_the_second_on(of: str) -> None:
    for cell in pinned().values():
        assert getattr(cell, of) == 1
        assert replace(cell, **{of: 2}).cell_id != cell.cell_id
    assert replace(cell, domain_version=2).cell_id != replace(cell, trainer_version=2).cell_id


def test_a_domains_version_is_that_of_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    text = {"name": "a", "data": {"name": "o5", "train_sizes": [50]}, "families": [{"family": "mlp", "width": 4}]}
    suite = parse({**text, "budget": {"steps": 1}})
    before = {cell.cell_id for cell in make(suite, set(), "here").cells}
    module = importlib.import_module("bench.domains.vectors")
    monkeypatch.setattr(module, "DOMAIN", replace(module.DOMAIN, version=2))
    importlib.import_module("bench.geometry.domain")._of_folder.cache_clear()
    after = make(suite, set(), "here").cells
    assert {cell.domain_version for cell in after} == {2}
    assert not before & {cell.cell_id for cell in after}
    importlib.import_module("bench.geometry.domain")._of_folder.cache_clear()


def test_options_that_came_later_are_left_out_of_a_cell_and_found_again() -> None:
    early = PlanarOptions()
    assert "hidden_layers" not in plain(early)
    assert PlanarOptions.model_validate(plain(early)) == early
    two = PlanarOptions(hidden=8, hidden_layers=2)
    assert plain(two)["hidden_layers"] == 2
    assert PlanarOptions.model_validate(plain(two)) == two


def test_values_in_any_order_are_one_cell() -> None:
    turned = dict(reversed(list(make_cell().family_options.items())))
    assert replace(make_cell(), family_options=turned).cell_id == make_cell().cell_id


DEFAULTS = Path(__file__).parent / "fixtures" / "defaults.json"


def registered() -> dict[str, dict[str, Any]]:
    """What a suite that leaves options out asks for, of everything that comes along, and the version it asks it of."""
    kinds = {"families": families, "datasets": datasets, "measurements": measurements}
    return {
        f"{kind} {entry.name}": {
            "version": entry.version,
            "later": [
                name
                for name, field in entry.options.model_fields.items()
                if any(isinstance(mark, Since) for mark in field.metadata)
            ],
            "defaults": {
                name: json.loads(json.dumps(field.get_default(call_default_factory=True), default=str))
                for name, field in entry.options.model_fields.items()
                if not field.is_required()
            },
        }
        for kind, entries in kinds.items()
        for entry in entries
        if entry.make.__module__.startswith("bench.")  # other tests register toys
    }


def test_defaults_stay_or_the_version_rises() -> None:
    """Suites leave options out, and READMEs tell what they did: one that moves makes another cell of the same words.

    An option that came later is none of a cell's at its default. ``python -m tests.test_identity`` writes what is there
    now.
    """
    kept, now = json.loads(DEFAULTS.read_text()), registered()

    def has_moved(name: str) -> bool:
        before, today = kept[name]["defaults"], dict(now[name]["defaults"])
        for added in set(now[name]["later"]) - set(before):
            del today[added]
        return bool(before != today)

    moved = [name for name in kept if name in now and has_moved(name)]
    assert not [name for name in moved if kept[name]["version"] == now[name]["version"]], moved
    assert kept == now, f"write {DEFAULTS.name} anew: python -m tests.test_identity"


if __name__ == "__main__":
    DEFAULTS.write_text(json.dumps(registered(), indent=1, sort_keys=True) + "\n")
