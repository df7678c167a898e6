"""What a suite asks for, checked in full before anything is trained: its cells, which are done, which cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import psutil

from bench.cell import Cell, Match
from bench.data.dataset import Dataset, check_content
from bench.errors import Impossible, UserError
from bench.execute.data import load_data
from bench.geometry import Shape, domain
from bench.networks.matching import resolve
from bench.scores import examples
from bench.suite import DataChoice, FamilyChoice, Suite, augmentations, cells, data_choices, family_choices, rival


@dataclass(frozen=True)
class Plan:
    """The cells of a suite in the order in which they run; ``impossible`` tells why a cell cannot be.

    ``notes`` are what the data sets tell of images that they left out or changed.
    """

    suite: Suite
    cells: tuple[Cell, ...]
    todo: tuple[Cell, ...]
    impossible: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def cell_ids(self) -> set[str]:
        return {cell.cell_id for cell in self.cells}


def make(suite: Suite, standing: set[str], where: str) -> Plan:
    """Return the plan of a suite, of which the cells ``standing`` have results.

    Seeds come one after the other, small training sets first, so that the first results cover every family. Only cells
    without a result are resolved, each distinct architecture once. UserError if the data cannot be had or are too few,
    or if nothing that an entry of ``families`` asks for can be.
    """
    planned: list[tuple[FamilyChoice, Shape, Cell]] = []
    notes: list[str] = []
    networks = family_choices(suite, where)
    for data in data_choices(suite, where):
        dataset = load_data(data.entry.name, data.options.model_dump(mode="json"))
        shape = dataset.shape
        largest, available = max(data.train_sizes), len(dataset.train)
        if largest > available:
            raise UserError(
                f"{where}: data.train_sizes: {largest} is more than the {available} training {examples(shape.domain)} "
                f"of '{data.label}'"
            )
        notes += [f"{data.label}: {note}" for note in (*dataset.notes, *check_content(dataset, where))]
        _check_copies(suite, dataset, largest, where)
        _check_groups(suite, data, shape, where)
        size_of = partial(_size, shape=shape, networks=networks, where=where)
        planned += [(choice, shape, cell) for choice, cell in cells(suite, data, dataset.revision, size_of)]
    planned.sort(key=lambda each: (each[2].seed, each[2].train_size, each[2].strength))
    waiting = [each for each in planned if each[2].cell_id not in standing]
    outcomes = [_resolved(choice, shape, cell) for choice, shape, cell in waiting]
    impossible = {
        cell.cell_id: outcome
        for (_, _, cell), outcome in zip(waiting, outcomes, strict=True)
        if isinstance(outcome, str)
    }
    _refuse_hopeless(planned, impossible, where)
    return Plan(
        suite=suite,
        cells=tuple(cell for _, _, cell in planned),
        todo=tuple(outcome for outcome in outcomes if isinstance(outcome, Cell)),
        impossible=impossible,
        notes=tuple(dict.fromkeys(notes)),
    )


def _size(choice: FamilyChoice, shape: Shape, networks: Sequence[FamilyChoice], where: str) -> Match | None:
    """Return the number that a choice's network has to meet: one that is given, or that of its rival on this data."""
    match = choice.match
    if match is None:
        return None
    if match.like is None:
        assert match.target is not None
        return Match(by=match.by, target=match.target, lanes=match.lanes)
    named = rival(networks, match.like, where)
    try:
        if refusal := named.entry.refusal(shape.domain, shape.task):
            raise Impossible(refusal)
        built = resolve(named.entry, named.options, shape, named.width, _size(named, shape, networks, where))
    except Impossible as reason:
        raise UserError(f"{where}: match.like: '{match.like}' cannot be built: {reason}") from reason
    size = built.parameters if match.by == "parameters" else built.flops
    return Match(by=match.by, target=size, lanes=match.lanes)


def _check_groups(suite: Suite, data: DataChoice, shape: Shape, where: str) -> None:
    """Raise UserError where a group does not move inputs of a shape."""
    of = domain(shape.domain)
    for spec in augmentations(suite):
        group = of.group(str(spec.group))
        try:
            of.augmentation(shape, str(group), 1.0, str(spec.resampling), data.crop or of.crop(group))
        except UserError as error:
            raise UserError(f"{where}: augmentation.group: {error}") from error


def _check_copies(suite: Suite, dataset: Dataset, images: int, where: str) -> None:
    """Raise UserError where the fixed copies of the largest training set would not fit into memory."""
    copies = max((spec.copies for spec in augmentations(suite) if spec.copies != "online"), default=0)
    needed = copies * images * dataset.train.inputs[0].numel() * _FLOAT
    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"{where}: augmentation.copies: {copies:,} copies of {images:,} images take {needed / 2**30:,.1f} GiB, and "
            f"{available / 2**30:,.1f} GiB of memory are free"
        )


_FLOAT = 4
"""Bytes of a pixel in training."""


def _resolved(choice: FamilyChoice, shape: Shape, cell: Cell) -> Cell | str:
    """Return the cell with its architecture, or the reason why there is none."""
    if refusal := choice.entry.refusal(shape.domain, shape.task):
        return refusal
    try:
        architecture = resolve(choice.entry, choice.options, shape, choice.width, cell.match)
    except Impossible as reason:
        return str(reason)
    return replace(cell, group=architecture.group, architecture=architecture)


def _refuse_hopeless(
    planned: list[tuple[FamilyChoice, Shape, Cell]], impossible: Mapping[str, str], where: str
) -> None:
    """Raise UserError for an entry of ``families`` of which no cell can be."""
    entries: dict[int, list[str | None]] = {}
    for choice, _, cell in planned:
        entries.setdefault(choice.position, []).append(impossible.get(cell.cell_id))
    for position, reasons in entries.items():
        if all(reasons):
            raise UserError(f"{where}: families[{position}]: {reasons[0]}")
