"""Splits by shares, for a user's own data, whose size nobody knows beforehand."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from bench.data.dataset import SPLIT_SEED, Split, partition
from bench.errors import UserError
from bench.registry import Options


class ShareOptions(Options):
    """Options of data sets that come without splits; the rest is for training."""

    validation: float = Field(0.15, gt=0, lt=1, description="share of the examples for validation")
    test: float = Field(0.15, gt=0, lt=1, description="share of the examples for the test")

    @model_validator(mode="after")
    def _leaves_some(self) -> ShareOptions:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave no share for training; make their sum less than 1")
        return self


def cut(whole: Split, shares: tuple[float, ...], classes: tuple[str, ...], where: str) -> tuple[Split, ...]:
    """Return the rest, then a split for each share, disjoint and stratified; UserError if one lacks a class."""
    sizes = tuple(round(share * len(whole)) for share in shares)
    splits = partition(whole.inputs, whole.targets, (len(whole) - sum(sizes), *sizes), SPLIT_SEED)
    for split in splits:
        lacking = (split.targets.bincount(minlength=len(classes)) == 0).nonzero()
        if len(lacking):
            label = int(lacking[0])
            count = int((whole.targets == label).sum())
            # counts are within one of proportional at either end of a split
            enough = math.ceil(2 / min(1 - sum(shares), *shares))
            raise UserError(
                f"{where}: class '{classes[label]}' has {count} images, too few for every split to get one; "
                f"{enough} of each class are enough"
            )
    return splits
