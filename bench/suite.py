"""Suite files: YAML checked against typed models, and its expansion into cells, the product of its axes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from bench import plugins
from bench.axes import Distinct, Name, check, choices, combinations, shown
from bench.canonical import plain, todays_keys
from bench.cell import LANES, WIDEST, Budget, Cell, Chosen, Count, Lanes, Match, Measure, Scoring, Seed, Spec
from bench.errors import UserError, nearest
from bench.geometry import Domain, domain
from bench.registry import Catalogue, DataEntry, E, Entry, Options, datasets, families, measurements
from bench.registry import Family as FamilyEntry
from bench.scores import SCORES
from bench.seeding import Seeding, looks_between
from bench.tasks import CLASSIFICATION, TASKS, Task
from bench.yamlfile import overridden, read


class Data(Spec):
    """The data set's own keys beside the options that it declares."""

    name: str = Field(description="a data set of `equivaug list datasets`")
    train_sizes: Annotated[tuple[Count, ...], Distinct()] = Field(
        min_length=1, description="training-set sizes; each training set is part of the next larger one"
    )
    crop: str | None = Field(
        None,
        description="of images disc, zero outside of it (where a group moves pixels off the grid the default), or none",
    )


class Augmentation(Spec):
    """The group that inputs are moved by: in training by a strength, in the transformed test in full."""

    group: str | None = Field(None, description="a group of the data's domain; by default its own (SO(2) of images)")
    strengths: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Distinct()] = Field(
        (0.0, 1.0), min_length=1, description="shares of the group that are sampled in training; 0 is no augmentation"
    )
    copies: Literal["online"] | Annotated[int, Field(ge=1, le=10_000)] = Field(
        "online", description="online: a new element for every image of every step; k: k fixed copies of every image"
    )
    resampling: str | None = Field(
        None, description="how inputs off their points are read: of images spline, a cubic B-spline, or bilinear"
    )


class Matching(Spec):
    """Widen families until they are of one size, given as a number or as that of another network of the suite."""

    by: Literal["parameters", "flops"] = Field("parameters", description="trainable parameters, or FLOPs per image")
    target: int | None = Field(None, gt=0, lt=2**63, description="the number to meet within 3 %")
    like: Name | None = Field(None, description="the label of the network whose number is to be met within 3 %")
    lanes: Lanes = LANES

    @model_validator(mode="after")
    def _one_size(self) -> Matching:
        if (self.target is None) == (self.like is None):
            raise ValueError("give one of 'target', a number, and 'like', the label of a network")
        return self

    def described(self, rivals: Collection[str]) -> str:
        """Return what a network of that size is called beside others, with the rival's name where there are several."""
        unit = {"parameters": "parameters", "flops": "FLOPs"}[self.by]
        return f"same {unit}" if len(rivals) == 1 else f"{unit} of {self.like}"


class Family(Spec):
    """A family's own keys beside the options that it declares."""

    family: str = Field(description="a family of `equivaug list families`")
    label: Name | None = Field(None, description="name in tables and figures")
    width: float | None = Field(None, gt=0, le=WIDEST, description="fields of the first block; none to match a size")
    match: dict[str, Any] | None = Field(None, description="the size to match, instead of the suite's")
    budget: dict[str, Any] = Field(default_factory=dict, description="keys of the budget that differ for this family")


class Seeds(Spec):
    """As many seeds as a comparison needs: some choose strengths, the others test what was chosen, a few at a time."""

    pilot: int = Field(2, ge=1, le=1000, description="seeds that run with every strength, choose, and test nothing")
    least: int = Field(3, ge=2, le=1000, description="seeds after which a comparison is looked at first")
    most: int = Field(12, ge=2, le=1000, description="seeds after which it stays undecided")
    margin: str = Field(
        "2 points",
        pattern=r"^\d+(\.\d+)? (points?|%)$",
        description="a difference that is surely smaller is called none: '2 points' of shares, '5 %' of errors",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Seeds:
        if self.most < self.least:
            raise ValueError(f"'most' should not be less than 'least', which is {self.least}")
        return self

    @property
    def seeding(self) -> Seeding:
        margin = float(self.margin.split()[0]) / 100
        return Seeding(self.pilot, looks_between(self.least, self.most), margin)


class Suite(Spec):
    """A whole suite file; the parts that hold axes are kept as written, and checked as they expand."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="also the results folder's name")
    description: str = Field("", description="what the suite is for, what it costs and what to expect")
    plugins: tuple[str, ...] = Field((), description="Python files that register what the suite names; they are run")
    data: dict[str, Any]
    augmentation: dict[str, Any] = Field(default_factory=dict)
    families: tuple[dict[str, Any], ...] = Field(min_length=1)
    match: dict[str, Any] | tuple[dict[str, Any], ...] | None = None
    budget: dict[str, Any]
    seeds: (
        Annotated[int, Field(ge=1, le=10_000)] | Annotated[tuple[Seed, ...], Field(min_length=1), Distinct()] | Seeds
    ) = Field(3, description="how many, which, or {pilot, least, most, margin}: as many as comparisons need")
    measure: dict[str, Any] = Field(default_factory=dict)

    @property
    def seeding(self) -> Seeding | None:
        """The plan of seeds, None where their number is fixed."""
        return self.seeds.seeding if isinstance(self.seeds, Seeds) else None

    @property
    def all_seeds(self) -> Sequence[int]:
        """Every seed that a cell may have."""
        if isinstance(self.seeds, tuple):
            return self.seeds
        return range(self.seeds.seeding.most if isinstance(self.seeds, Seeds) else self.seeds)


@dataclass(frozen=True)
class DataChoice:
    """One data set with one choice of its options and its crop, and the training sizes asked of it."""

    entry: DataEntry
    options: Options
    crop: str | None
    train_sizes: tuple[int, ...]
    label: str


@dataclass(frozen=True)
class FamilyChoice:
    """One family with one choice of its options, its size and its budget; ``position`` is its place in the suite.

    ``network`` is its label before what tells it from others is added: that of all trainings of one network.
    """

    position: int
    entry: FamilyEntry
    options: Options
    width: float | None
    match: Matching | None
    budget: Budget
    label: str
    network: str


def load(source: str, overrides: Sequence[str] = (), plugged: Sequence[str] = ()) -> Suite:
    """Return the suite of a path, or of a name in a ``suites`` folder, changed by ``key.key=value`` overrides.

    ``plugged`` are plug-ins beside those that the suite names. UserError names the file, the key, what was found and
    what would be accepted.
    """
    path = find(source)
    return parse(read(path), str(path), overrides, plugged, path.parent)


def parse(
    raw: Any,
    where: str = "suite",
    overrides: Sequence[str] = (),
    plugged: Sequence[str] = (),
    folder: Path = Path(),
) -> Suite:
    """Return the suite of a mapping with every part of it checked; ``where`` names it in errors.

    Plug-ins that the suite names lie in ``folder``; all are loaded, and the suite then names them by absolute paths.
    """
    where = place(where, overrides)
    if not isinstance(raw, dict):
        raise UserError(f"{where}: found {shown(raw)}; a suite is a mapping with 'name', 'data', 'families', 'budget'")
    for override in overrides:
        raw = overridden(raw, override)
    suite = check(raw, Suite, where)
    named = [plugins.located(source, folder) for source in suite.plugins]
    loaded = plugins.load([*named, *plugged])
    suite = suite.model_copy(update={"plugins": tuple(plugin.source for plugin in loaded)})
    data_choices(suite, where)
    family_choices(suite, where)
    augmentations(suite, where)
    measure(suite.measure, where, TASKS[_named(datasets, suite.data.get("name"), f"{where}: data.name").task])
    return suite


def place(where: str, overrides: Sequence[str]) -> str:
    """Return the name of a suite in errors, which says that it is not the file alone that may be wrong."""
    return " ".join([where, *(f"with --set {shown(override)}" for override in overrides)])


def find(source: str) -> Path:
    """Return the file of a suite's path or name."""
    if Path(source).suffix in (".yaml", ".yml") or len(Path(source).parts) > 1:
        if not Path(source).is_file():
            raise UserError(f"there is no suite file {source}")
        return Path(source)
    known = available()
    if source not in known:
        raise UserError(f"unknown suite '{source}'{nearest(source, known)}")
    return known[source]


def available() -> dict[str, Path]:
    """Return the suites that are found by name: the working directory's before those that came with the project."""
    package = Path(__file__).parent
    folders = [Path("suites"), package.parent / "suites", package / "suites"]
    return {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.yaml"))}


def data_choices(suite: Suite, where: str = "suite") -> list[DataChoice]:
    """Return every choice of the data set's options."""
    own, rest = _split(suite.data, Data)
    entry = _named(datasets, own.get("name"), f"{where}: data.name")
    found = choices(own, Data, f"{where}: data")
    options = choices(rest, entry.options, f"{where}: data", beside=Data)
    for data in found:
        if data.crop is not None:
            _check_one_of(data.crop, domain(entry.domain).crops, f"{where}: data.crop")
    told = combinations(rest, entry.options, f"{where}: data")
    several = [{**values, "crop": data.crop} for values in told for data in found]
    return [
        DataChoice(entry, option, data.crop, data.train_sizes, " ".join([entry.name, *_telling(values, several)]))
        for (option, data), values in zip(product(options, found), several, strict=True)
    ]


def augmentations(suite: Suite, where: str = "suite") -> list[Augmentation]:
    """Return every choice of how inputs are moved, with the group's own name, as the data's domain has them."""
    entry = _named(datasets, suite.data.get("name"), f"{where}: data.name")
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
    return spec.model_copy(update={"group": group, "resampling": resampling})


def _check_one_of(found: str, known: Sequence[str], where: str) -> None:
    if found not in known:
        raise UserError(f"{where}: should be {' or '.join(map(repr, known))}; found {shown(found)}")


def family_choices(suite: Suite, where: str = "suite") -> list[FamilyChoice]:
    """Return every choice of every family's options, sizes and budgets, each with a label of its own."""
    found: list[tuple[dict[str, Any], FamilyChoice]] = []
    common = _matchings(suite.match, f"{where}: match")
    choices(suite.budget, Budget, f"{where}: budget")
    for position, written in enumerate(suite.families):
        here = f"{where}: families[{position}]"
        own, rest = _split(written, Family)
        entry = _named(families, own.get("family"), f"{here}.family")
        checked = choices(rest, entry.options, here, beside=Family)
        options = list(zip(combinations(rest, entry.options, here), checked, strict=True))
        for family in choices(own, Family, here):
            budgets = choices(_merged(suite.budget, family.budget), Budget, f"{here}.budget")
            for (written_options, option), budget in product(options, budgets):
                label = family.label or _name(entry, option)
                asked = common if family.match is None else _matchings(family.match, f"{here}.match")
                # what others are matched to is not matched to itself
                matches = [each for each in asked if each is None or each.like != label] or [None]
                for match in matches if family.width is None else [None]:
                    told = {**written_options, "width": family.width, "match": match and match.target}
                    told |= budget.model_dump()
                    found.append(
                        (told, FamilyChoice(position, entry, option, family.width, match, budget, label, label))
                    )
    return _with_rivals(_distinguished(_twins(found), where), where)


def _matchings(raw: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None, where: str) -> list[Matching | None]:
    """Return the sizes to match, one at a time; None for no matching."""
    if raw is None:
        return [None]
    several = [raw] if isinstance(raw, Mapping) else raw
    return [each for one in several for each in choices(dict(one), Matching, where)]


def _twins(found: list[tuple[dict[str, Any], FamilyChoice]]) -> list[tuple[dict[str, Any], FamilyChoice]]:
    """Add to the labels of networks that are matched to another which size of it they share."""
    rivals = {choice.match.like for _, choice in found if choice.match and choice.match.like}
    return [
        (told, replace(choice, label=f"{choice.label}, {choice.match.described(rivals)}"))
        if choice.match and choice.match.like
        else (told, choice)
        for told, choice in found
    ]


def _with_rivals(found: list[FamilyChoice], where: str) -> list[FamilyChoice]:
    """Return the choices; UserError where one is matched to a network that there is not, or that has no size itself."""
    for like in dict.fromkeys(choice.match.like for choice in found if choice.match and choice.match.like):
        named = rival(found, like, where)
        if named.width is None and named.match is None:
            raise UserError(
                f"{where}: families[{named.position}]: others are matched to '{like}'; give it a 'width', or a "
                "'match' with a 'target'"
            )
    return found


def rival(found: Sequence[FamilyChoice], like: str, where: str) -> FamilyChoice:
    """Return the network whose size others are to have: the one with that label, however long it is trained."""
    sized = [choice for choice in found if choice.match is None or choice.match.target]
    named = [choice for choice in sized if like in (choice.label, choice.network)]
    if not named:
        raise UserError(
            f"{where}: match.like: no network has the label '{like}'{nearest(like, {choice.label for choice in sized})}"
        )
    first = named[0]
    if any((each.options, each.width, each.match) != (first.options, first.width, first.match) for each in named):
        several = " and ".join(f"'{choice.label}'" for choice in named[:2])
        raise UserError(f"{where}: match.like: '{like}' is the label of several networks; name one, such as {several}")
    return first


def measure(asked: dict[str, Any], where: str = "suite", task: Task = CLASSIFICATION) -> Measure:
    """Return what is measured: the keys of `Scoring`, and every registered measurement that is asked for.

    One that is on by default is asked for unless it is ``null``, or does not measure the task; ``true`` asks for one
    with its default options.
    """
    own, rest = _split(todays_keys(asked, Scoring), Scoring)
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


def cells(
    suite: Suite, data: DataChoice, revision: str, size_of: Callable[[FamilyChoice], Match | None]
) -> Iterator[tuple[FamilyChoice, Cell]]:
    """Yield the cells of one data choice, whose content has the hash ``revision``; equal cells come once.

    ``size_of`` returns the number that a choice's network has to meet.
    """
    seen = set()
    data_options = plain(data.options)
    specs = augmentations(suite)
    several = len({spec.resampling for spec in specs}) > 1
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
                label=choice.label,
                rival=(choice.match and choice.match.like) or "",
                # inputs that are resampled in another way are other inputs: they have panels and rows of their own
                dataset_label=f"{data.label} {spec.resampling}" if several else data.label,
                domain=of.name,
                task=task.name,
                score=task.score,
                suite=suite.name,
                seeding=seeding,
            )
            if cell.cell_id not in seen:
                seen.add(cell.cell_id)
                yield choice, cell


def _split(raw: dict[str, Any], model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a mapping into the keys that ``model`` knows and the rest."""
    own = {key: value for key, value in raw.items() if key in model.model_fields}
    return own, {key: value for key, value in raw.items() if key not in own}


def _merged(budget: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the suite's budget with a family's own keys; its length, in epochs or in steps, replaces the suite's."""
    length = {"epochs", "steps"}
    kept = {key: value for key, value in budget.items() if key not in length or not length & own.keys()}
    return {**kept, **own}


def _named(registry: Catalogue[E], name: Any, where: str) -> E:
    if not isinstance(name, str):
        raise UserError(f"{where}: give one name of `equivaug list`; found {shown(name)}")
    try:
        return registry[name]
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _name(entry: Entry, options: Options) -> str:
    """Return what a reader calls a family: its name, group and kind of fields."""
    parts = [entry.name, *(str(getattr(options, key)) for key in ("group", "fields") if hasattr(options, key))]
    return " ".join(parts)


def _distinguished(found: list[tuple[dict[str, Any], FamilyChoice]], where: str) -> list[FamilyChoice]:
    """Add to labels that occur more than once the values that tell their choices apart.

    UserError if two different choices still have one label: every table and figure would mix them.
    """
    rivals: dict[str, list[dict[str, Any]]] = {}
    for told, choice in found:
        rivals.setdefault(choice.label, []).append(told)
    labelled = [
        replace(choice, label=" ".join([choice.label, *_telling(told, rivals[choice.label], choice.label)]))
        for told, choice in found
    ]
    first: dict[str, FamilyChoice] = {}
    for choice in labelled:
        other = first.setdefault(choice.label, choice)
        if choice != replace(other, position=choice.position):
            raise UserError(
                f"{where}: families[{other.position}] and families[{choice.position}] both have the label "
                f"'{choice.label}'; give each a 'label' of its own"
            )
    return labelled


def _telling(told: dict[str, Any], rivals: list[dict[str, Any]], label: str = "") -> list[str]:
    """Return ``key value`` for the values that not all of ``rivals`` have, without those that the label shows."""
    differing = {
        key: f"{value:g}" if isinstance(value, float) else str(value)
        for key, value in told.items()
        if value is not None and any(rival.get(key) != value for rival in rivals)
    }
    return [f"{key} {text}" for key, text in differing.items() if text not in label.split()]
