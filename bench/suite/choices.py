"""What a suite chooses: data sets, moves, families, measurements; one checked model for every combination of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from pydantic import BaseModel

from bench.axes import check, choices, combinations, shown
from bench.canonical import plain, todays_keys
from bench.cell import Budget, Chosen, Measure, Scoring
from bench.errors import UserError, nearest
from bench.geometry import Domain, domain
from bench.registry import Catalogue, E, datasets, families, measurements
from bench.scores import SCORES
from bench.suite.labels import distinguished, name_of, telling, twins, with_rivals
from bench.suite.models import Augmentation, Data, DataChoice, Family, FamilyChoice, Matching, Suite
from bench.tasks import CLASSIFICATION, Task


def data_choices(suite: Suite, where: str = "suite") -> list[DataChoice]:
    """Return every choice of the data set's options."""
    own, rest = split_keys(suite.data, Data)
    entry = entry_of(datasets, own.get("name"), f"{where}: data.name")
    data_of_file = choices(own, Data, f"{where}: data")
    options = choices(rest, entry.options, f"{where}: data", beside=Data)
    for data in data_of_file:
        if data.crop is not None:
            _check_one_of(data.crop, domain(entry.domain).crops, f"{where}: data.crop")
    option_values = combinations(rest, entry.options, f"{where}: data")
    several = [{**values, "crop": data.crop} for values in option_values for data in data_of_file]
    return [
        DataChoice(entry, option, data.crop, data.train_sizes, " ".join([entry.name, *telling(values, several)]))
        for (option, data), values in zip(product(options, data_of_file), several, strict=True)
    ]


def augmentations(suite: Suite, where: str = "suite") -> list[Augmentation]:
    """Return every choice of how inputs are moved, with the group's own name, as the data's domain has them."""
    entry = entry_of(datasets, suite.data.get("name"), f"{where}: data.name")
    of = domain(entry.domain)
    default = entry.group or of.default_group
    return [
        _of_domain(spec, of, default, where)
        for spec in choices(suite.augmentation, Augmentation, f"{where}: augmentation")
    ]


def _of_domain(spec: Augmentation, of: Domain, default: str, where: str) -> Augmentation:
    """Return an augmentation with the domain's defaults; UserError for what the domain does not have."""
    try:
        group = str(of.group(spec.group or default))
    except UserError as error:
        raise UserError(f"{where}: augmentation.group: {error}") from error
    resampling = spec.resampling or of.resamplings[0]
    _check_one_of(resampling, of.resamplings, f"{where}: augmentation.resampling")
    base = spec.base or "none"
    _check_one_of(base, ("none", *of.bases), f"{where}: augmentation.base")
    if base != "none" and spec.copies != "online":
        raise UserError(
            f"{where}: augmentation.base: '{base}' draws anew in every step, and copies are drawn once; accepted is "
            f"copies: online; found {spec.copies}"
        )
    return spec.model_copy(update={"group": group, "resampling": resampling, "base": base})


def _check_one_of(value: str, known: Sequence[str], where: str) -> None:
    if value not in known:
        raise UserError(f"{where}: should be {' or '.join(map(repr, known))}; found {shown(value)}")


def family_choices(suite: Suite, where: str = "suite") -> list[FamilyChoice]:
    """Return every choice of every family's options, sizes and budgets, each with a label of its own."""
    pairs: list[tuple[dict[str, Any], FamilyChoice]] = []
    common = _matchings(suite.match, f"{where}: match")
    choices(suite.budget, Budget, f"{where}: budget")
    for position, written in enumerate(suite.families):
        here = f"{where}: families[{position}]"
        own, rest = split_keys(written, Family)
        entry = entry_of(families, own.get("family"), f"{here}.family")
        checked = choices(rest, entry.options, here, beside=Family)
        options = list(zip(combinations(rest, entry.options, here), checked, strict=True))
        for family in choices(own, Family, here):
            budgets = choices(_merged(suite.budget, family.budget), Budget, f"{here}.budget")
            for (written_options, option), budget in product(options, budgets):
                label = family.label or name_of(entry, option)
                asked = common if family.match is None else _matchings(family.match, f"{here}.match")
                # what others are matched to is not matched to itself
                matches = [each for each in asked if each is None or each.like != label] or [None]
                for match in matches if family.width is None else [None]:
                    settings = {**written_options, "width": family.width, "match": match and match.target}
                    settings |= budget.model_dump()
                    pairs.append(
                        (settings, FamilyChoice(position, entry, option, family.width, match, budget, label, label))
                    )
    return with_rivals(distinguished(twins(pairs), where), where)


def _matchings(raw: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None, where: str) -> list[Matching | None]:
    """Return the sizes to match, one at a time; None for no matching."""
    if raw is None:
        return [None]
    several = [raw] if isinstance(raw, Mapping) else raw
    return [each for one in several for each in choices(dict(one), Matching, where)]


def measure(asked: dict[str, Any], where: str = "suite", task: Task = CLASSIFICATION) -> Measure:
    """Return what is measured: the keys of `Scoring`, and every registered measurement that is asked for.

    One that is on by default is asked for unless it is ``null``, or does not measure the task; ``true`` asks for one
    with its default options.
    """
    own, rest = split_keys(todays_keys(asked, Scoring), Scoring)
    scoring = check(own, Scoring, f"{where}: measure")
    if scoring.target_score is not None and SCORES[task.score].is_share and scoring.target_score > 1:
        raise UserError(f"{where}: measure.target_score: should be a share, at most 1; found {scoring.target_score:g}")
    for name in rest:
        if name not in measurements:
            known = [*Scoring.model_fields, *(entry.name for entry in measurements)]
            raise UserError(f"{where}: measure.{name}: unknown key{nearest(name, known)}")
    chosen = []
    for entry in measurements:
        if entry.name in rest and rest[entry.name] is not None and not entry.takes(task.name):
            raise UserError(f"{where}: measure.{entry.name}: it does not measure the task {task.name}; leave it out")
        wanted = rest.get(entry.name, (entry.by_default and entry.takes(task.name)) or None)
        if wanted is not None:
            options = check({} if wanted is True else wanted, entry.options, f"{where}: measure.{entry.name}")
            chosen.append(Chosen(name=entry.name, version=entry.version, options=plain(options)))
    return Measure(**scoring.model_dump(), chosen=tuple(chosen))


def _merged(budget: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the suite's budget with a family's own keys; its length, in epochs or in steps, replaces the suite's."""
    length = {"epochs", "steps"}
    kept = {key: value for key, value in budget.items() if key not in length or not length & own.keys()}
    return {**kept, **own}


def entry_of(registry: Catalogue[E], name: Any, where: str) -> E:
    """Return what is registered under a name; UserError, with the place, where it is none."""
    if not isinstance(name, str):
        raise UserError(f"{where}: give one name of `equivaug list`; found {shown(name)}")
    try:
        return registry[name]
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def split_keys(raw: dict[str, Any], model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a mapping into the keys that ``model`` knows and the rest."""
    own = {key: value for key, value in raw.items() if key in model.model_fields}
    return own, {key: value for key, value in raw.items() if key not in own}
