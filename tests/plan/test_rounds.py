"""Rounds of seeds: what a run asks for after what it has seen, when it ends, and that it goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.cell import Cell
from bench.plan.matrix import Plan
from bench.plan.rounds import Round, conclusion, expected, is_pilot, largest, rounds
from bench.results.store import Record, Store
from bench.seeding import Seeding, looks_between
from bench.suite import Suite
from tests.fakes import make_cell

SEEDS = {"pilot": 2, "least": 3, "most": 8, "margin": "2 points"}
PLAN = Seeding(2, (3, 5, 8), 0.02)
LABELS = {"cnn": "C1", "steerable": "C8", "gcnn": "C4"}

Score = Callable[[Cell], float]


def made(labels: dict[str, str] = LABELS, strengths: tuple[float, ...] = (0.0, 1.0)) -> Plan:
    suite = Suite(name="s", data={}, families=({},), budget={}, seeds=SEEDS)
    cells = tuple(
        make_cell(seed, label, family=label, group=group, strength=strength, seeding=str(suite.seeding))
        for seed in suite.all_seeds
        for strength in strengths
        for label, group in labels.items()
    )
    return Plan(suite, cells, cells, {})


def record(cell: Cell, score: float) -> Record:
    names = ("test", "transformed", "validation", "upright_validation", "transformed_validation")
    sizes = {"flops_per_example": 1e6, "parameters": 1e4, "steps": 100, "test_size": 100, "chance_score": 0.1}
    scores = {f"{name}_score": score for name in names}
    return Record(cell.cell_id, {"status": "done", "reason": None, **scores, **sizes}, [], [])


def noise(cell: Cell) -> float:
    return 0.004 * ((cell.seed * 7 + len(cell.label) * 3) % 5 - 2)


def clear(cell: Cell) -> float:
    """The steerable network is far ahead, the other's difference varies more than its size; strength 1 is better."""
    ahead = {"cnn": 0.0, "steerable": 0.3, "gcnn": 0.02 + 12 * noise(cell)}[cell.label]
    return 0.5 + ahead + 0.1 * cell.strength + noise(cell)


def carried_out(plan: Plan, store: Store, score: Score) -> Iterator[Round]:
    """Yield the rounds of a run that gives every cell its score."""
    for each in rounds(plan, store):
        yield each
        for cell in each.cells:
            store.write(cell, record(cell, score(cell)))


def test_pilot_seeds_come_first_with_every_strength_and_nothing_else(tmp_path: Path) -> None:
    first = next(carried_out(made(), Store(tmp_path), clear))
    assert {(cell.seed, cell.strength, cell.label) for cell in first.cells} == {
        (seed, strength, label) for seed in (0, 1) for strength in (0.0, 1.0) for label in LABELS
    }
    assert first.reasons[0].startswith("pilot: seeds 0 to 1 of every strength, 12 cells to do")


def test_fresh_seeds_are_of_the_chosen_strength_and_of_open_comparisons_alone(tmp_path: Path) -> None:
    _, first, second, *rest = carried_out(made(), Store(tmp_path), clear)
    assert {(cell.seed, cell.strength, cell.label) for cell in first.cells} == {
        (seed, 1.0, label) for seed in (2, 3, 4) for label in LABELS
    }
    assert {(cell.seed, cell.strength, cell.label) for cell in second.cells} == {
        (seed, 1.0, label) for seed in (5, 6) for label in ("cnn", "gcnn")
    }
    told = "\n".join(second.reasons)
    assert "steerable against cnn" in told
    assert "settled, the equivariant network is better" in told
    assert "1 of 2 comparisons are open; the next look is at 5 fresh seeds" in told
    assert not rest[-1].cells


def test_all_settled_ends_the_run_and_says_so(tmp_path: Path) -> None:
    found = list(carried_out(made({"cnn": "C1", "steerable": "C8"}), Store(tmp_path), clear))
    assert [len(each.cells) for each in found] == [8, 6, 0]
    assert found[-1].reasons[-1] == "1 of 1 comparisons are settled"


def test_what_is_equal_within_the_margin_costs_no_more_seeds(tmp_path: Path) -> None:
    same = lambda cell: 0.8 + noise(cell) / 4  # noqa: E731
    found = list(carried_out(made({"cnn": "C1", "steerable": "C8"}), Store(tmp_path), same))
    assert sum(len(each.cells) for each in found) == 8 + 6
    assert "equal within 2 points" in found[-1].reasons[0]


def test_a_run_that_stopped_asks_for_what_is_left(tmp_path: Path) -> None:
    store, plan = Store(tmp_path), made()
    for asked, each in enumerate(carried_out(plan, store, clear)):
        if asked == 1:
            half = each.cells[:4]
            break
    for cell in half:
        store.write(cell, record(cell, clear(cell)))
    again = next(rounds(plan, store))
    assert {cell.cell_id for cell in again.cells} == {cell.cell_id for cell in each.cells[4:]}
    whole = [cell for each in carried_out(plan, store, clear) for cell in each.cells]
    assert len(store.scan()) == 12 + 9 + 4 + 6
    assert len(whole) == 5 + 4 + 6


def test_a_cell_that_fails_is_not_tried_twice_by_one_run(tmp_path: Path) -> None:
    store, plan = Store(tmp_path), made({"cnn": "C1", "steerable": "C8"})
    asked: list[str] = []
    for each in rounds(plan, store):
        for cell in each.cells:
            asked.append(cell.cell_id)
            broken = cell.label == "steerable" and cell.seed == 3
            lost = Record.without_result(cell, "failed", "ValueError: no")
            store.write(cell, lost if broken else record(cell, clear(cell)))
    assert len(asked) == len(set(asked))
    assert len(asked) == 8 + 6


def test_a_fixed_number_of_seeds_is_one_round(tmp_path: Path) -> None:
    suite = Suite(name="s", data={}, families=({},), budget={}, seeds=2)
    cells = tuple(make_cell(seed) for seed in range(2))
    assert list(rounds(Plan(suite, cells, cells, {}), Store(tmp_path))) == [Round(cells, ())]
    assert list(rounds(Plan(suite, cells, (), {}), Store(tmp_path))) == []


def test_without_a_store_nothing_was_run() -> None:
    first = next(rounds(made(), None))
    assert len(first.cells) == 12
    assert "pilot" in first.reasons[0]


def test_costs_lie_between_the_pilot_and_the_last_look() -> None:
    plan = made()
    pilot = [cell for cell in plan.cells if is_pilot(cell, PLAN)]
    likely, most = expected(plan, PLAN), largest(plan, PLAN)
    assert len(most) == len(pilot) + 8 * len(LABELS)
    assert len(pilot) + 3 * len(LABELS) < len(likely) < len(most)
    # the plain network goes on for the longest of its two comparisons
    counts = {label: sum(cell.label == label for cell in likely) for label in LABELS}
    assert counts["cnn"] >= counts["gcnn"] == counts["steerable"]


@pytest.mark.parametrize(
    ("least", "most", "looks"), [(3, 12, (3, 5, 8, 12)), (2, 4, (2, 3, 4)), (4, 4, (4,)), (5, 20, (5, 8, 12, 20))]
)
def test_looks_lie_between_the_least_and_the_most_seeds(least: int, most: int, looks: tuple[int, ...]) -> None:
    assert looks_between(least, most) == looks


@pytest.mark.parametrize("plan", [PLAN, Seeding(1, (4,), 0.005)])
def test_a_plan_of_seeds_is_read_from_its_text(plan: Seeding) -> None:
    assert Seeding.parse(str(plan)) == plan


def test_a_conclusion_is_one_line() -> None:
    class Row:
        label, plain_label, train_size, at = "steerable", "cnn", 100, "equal FLOPs"
        difference, low, high, n, conclusion, margin, score = 0.051, 0.02, 0.08, 3, "plain", 0.02, "accuracy"
        domain = "plane"

    row: Any = Row()
    assert conclusion(row).strip() == (
        "steerable against cnn, 100 images, at equal FLOPs: 5.1 points (2.0 to 8.0) over 3 fresh seeds: settled, the "
        "plain network is better"
    )
    row.conclusion, row.own_low, row.own_high = "equal", 0.011, 0.019
    assert "(1.1 to 1.9 by itself, 2.0 to 8.0 with all counted)" in conclusion(row)
    assert conclusion(row).endswith("settled, equal within 2 points")
