"""One training run of the matrix, as a value with an identity."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.canonical import Since, Was, identity, plain


class Spec(BaseModel):
    """A part of a suite file: frozen, typed, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @cached_property
    def plain(self) -> Any:
        """What of it enters an identity: many cells share a budget and measurements."""
        return plain(self)


#: The largest width of a family that is tried.
WIDEST = 512.0

#: Counts and seeds that every table, file and generator can hold.
Count = Annotated[int, Field(ge=1, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Budget(Spec):
    """How long and how a network is trained; exactly one of ``epochs`` and ``steps`` is given."""

    epochs: float | None = Field(None, gt=0, le=1e6, description="passes over the training set, copies not counted")
    steps: Count | None = Field(None, description="optimizer steps, the same for every training-set size")
    batch_size: Count = Field(64, ge=2, description="images per step")
    optimizer: Literal["adamw", "amsgrad", "sgd"] = Field(
        "adamw", description="amsgrad is adamw with the largest second moment so far; sgd has Nesterov momentum 0.9"
    )
    lr: float = Field(0.003, gt=0, description="peak learning rate")
    weight_decay: float = Field(0.0001, ge=0, description="decoupled for adamw and amsgrad, L2 for sgd")
    schedule: Literal["onecycle", "cosine", "step", "constant"] = Field(
        "onecycle", description="learning-rate schedule"
    )
    decay_from: float = Field(0.33, ge=0, lt=1, description="schedule step: share of the budget before the first decay")
    decays: Count = Field(20, description="schedule step: number of decays, evenly spaced in the rest")
    decay_factor: float = Field(0.8, gt=0, lt=1, description="schedule step: factor of each decay")
    evaluations: Count = Field(8, description="evaluations on validation data during training, the last at the end")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of training; auto: bfloat16 where the hardware has it; measurements are float32"
    )
    checkpoint: Literal["last", "best"] = Field("last", description="weights that are measured; best by validation")
    statistics: Annotated[Literal["running", "recounted"], Since(2)] = Field(
        "running",
        description="of normalisation by batches, where it is evaluated: running means of the last ten, or of one pass "
        "over the training set",
    )

    @model_validator(mode="after")
    def _one_length(self) -> Budget:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give exactly one of 'epochs' and 'steps'")
        return self


#: Channels that hardware multiplies at once.
Lanes = Annotated[int, Since(2), Field(ge=1, le=256)]
LANES: Any = Field(1, description="of widths that meet the number, one with channels in multiples of this; 16 is fast")


class Match(Spec):
    """Widen a family until it meets a budget, so that families are compared at equal size."""

    by: Literal["parameters", "flops"] = Field("parameters", description="trainable parameters, or FLOPs per image")
    target: int = Field(gt=0, lt=2**63, description="the number to meet within 3 %")
    lanes: Lanes = LANES


class Chosen(Spec):
    """A registered measurement with its options, all of them."""

    name: str
    version: int
    options: dict[str, Any]


class Scoring(Spec):
    """How test inputs are scored."""

    transforms: Count = Field(1, description="random group elements per test image for the transformed accuracy")
    test_images: Count | None = Field(None, description="score on so many test images; by default on all of them")
    target_score: Annotated[float | None, Was("target_accuracy")] = Field(
        None, gt=0, description="seconds_to_target: validation score to reach, a share where the score is one"
    )


class Measure(Scoring):
    """How test inputs are scored, and what else is measured."""

    chosen: tuple[Chosen, ...] = ()


#: Of `bench.train`, raised with what changes the numbers of a training; `Domain.version` is that of how inputs move.
TRAINER_VERSION = 1


@dataclass(frozen=True)
class Cell:
    """One training run: everything that can change its outcome, and nothing else, enters its identity.

    ``label``, ``rival`` (the label of the network whose size this one has), ``dataset_label``, ``group`` (the symmetry
    that the family promises), ``suite`` and ``seeding`` (a `bench.seeding.Seeding` in words, empty where the number of
    seeds is fixed) are for people and for the analysis: they are not part of the identity. ``architecture`` is what
    the plan found for the family's options and size (a `bench.networks.matching.Architecture`), so that no worker
    searches again.
    """

    dataset: str
    dataset_options: dict[str, Any]
    dataset_version: int
    data_revision: str
    train_size: int
    family: str
    family_options: dict[str, Any]
    family_version: int
    width: float | None
    match: Match | None
    augmentation_group: str
    resampling: str
    crop: str
    strength: float
    copies: int
    budget: Budget
    measure: Measure
    seed: int
    domain_version: int = 1
    trainer_version: int = TRAINER_VERSION
    base: str = ""
    label: str = field(default="", compare=False)
    rival: str = field(default="", compare=False)
    dataset_label: str = field(default="", compare=False)
    domain: str = field(default="plane", compare=False)
    task: str = field(default="classification", compare=False)
    score: str = field(default="accuracy", compare=False)
    group: str = field(default="", compare=False)
    suite: str = field(default="", compare=False)
    seeding: str = field(default="", compare=False)
    architecture: Any = field(default=None, compare=False)

    @cached_property
    def cell_id(self) -> str:
        """The hash of every field that can change the outcome (`bench.canonical`)."""
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.compare}
        # a path says where data lie, and ``data_revision`` what they are
        content["dataset_options"] = {key: value for key, value in self.dataset_options.items() if key != "path"}
        content |= {"budget": self.budget.plain, "measure": self.measure.plain}
        # they came later: cells of version 1 keep the identity that they have
        for name, first in (("domain_version", 1), ("trainer_version", 1), ("base", "")):
            if content[name] == first:
                del content[name]
        return identity(content)

    def network_key(self, *of_training: Any) -> str:
        """Return what cells of one network on one kind of input share, and what of their training is given, as text."""
        network = [self.dataset, self.dataset_options, self.family, self.family_options, self.width, self.match]
        return json.dumps(plain([*network, *of_training]), sort_keys=True)

    def axes(self) -> dict[str, Any]:
        """Return the columns that every table carries, so that each table can be plotted alone."""
        return {
            "cell_id": self.cell_id,
            "suite": self.suite,
            "domain": self.domain,
            "dataset": self.dataset_label or self.dataset,
            "task": self.task,
            "score": self.score,
            "train_size": self.train_size,
            "family": self.family,
            "label": self.label,
            "group": self.group,
            "augmentation_group": self.augmentation_group,
            "resampling": self.resampling,
            "crop": self.crop,
            "strength": self.strength,
            "copies": self.copies,
            "seed": self.seed,
            "seeding": self.seeding,
        }
