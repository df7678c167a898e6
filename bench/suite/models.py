"""The models of a suite file: typed, frozen, unknown keys refused; the parts that hold axes are kept as written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.axes import Distinct, Name
from bench.cell import LANES, WIDEST, Budget, Count, Lanes, Seed, Spec
from bench.registry import DataEntry, Options
from bench.registry import Family as FamilyEntry
from bench.seeding import Seeding, looks_between


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
    base: str | None = Field(
        None,
        description="what training varies beside the group, and no test does: of images crop-flip, cut from a black "
        "margin of an eighth of the side and mirrored or not; none by default",
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
