"""A suite's cells: the product of its axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from bench.canonical import plain
from bench.cell import Cell, Match
from bench.geometry import domain
from bench.suite.choices import augmentations, family_choices, measure
from bench.suite.models import DataChoice, FamilyChoice, Suite
from bench.tasks import TASKS


def cells(
    suite: Suite, data: DataChoice, revision: str, size_of: Callable[[FamilyChoice], Match | None]
) -> Iterator[tuple[FamilyChoice, Cell]]:
    """Yield the cells of one data choice, whose content has the hash ``revision``; equal cells come once.

    ``size_of`` returns the number that a choice's network has to meet.
    """
    seen = set()
    data_options = plain(data.options)
    specs = augmentations(suite)
    resamplings, bases = ({getattr(spec, name) for spec in specs} for name in ("resampling", "base"))
    settings = [(spec, strength) for spec in specs for strength in spec.strengths]
    of, task = domain(data.entry.domain), TASKS[data.entry.task]
    measured = measure(suite.measure, task=task)
    seeding = str(suite.seeding or "")
    for choice in family_choices(suite):
        family_options = plain(choice.options)
        match = size_of(choice)
        for (spec, strength), size, seed in product(settings, data.train_sizes, suite.all_seeds):
            cell = Cell(
                dataset=data.entry.name,
                dataset_options=data_options,
                dataset_version=data.entry.version,
                data_revision=revision,
                train_size=size,
                family=choice.entry.name,
                family_options=family_options,
                family_version=choice.entry.version,
                width=choice.width,
                match=match,
                augmentation_group=str(spec.group),
                resampling=str(spec.resampling),
                crop=data.crop or of.crop(of.group(str(spec.group))),
                strength=strength,
                # without augmentation every copy would be the image itself
                copies=0 if spec.copies == "online" or strength == 0 else spec.copies,
                budget=choice.budget,
                measure=measured,
                seed=seed,
                domain_version=of.version,
                label=choice.label,
                rival=(choice.match and choice.match.like) or "",
                base="" if spec.base == "none" else str(spec.base),
                dataset_label=" ".join(
                    [
                        data.label,
                        # resampled in another way, or varied otherwise, they have panels and rows of their own
                        *([str(spec.resampling)] if len(resamplings) > 1 else []),
                        *([f"base {spec.base}"] if len(bases) > 1 else []),
                    ]
                ),
                domain=of.name,
                task=task.name,
                score=task.score,
                suite=suite.name,
                seeding=seeding,
            )
            if cell.cell_id not in seen:
                seen.add(cell.cell_id)
                yield choice, cell
