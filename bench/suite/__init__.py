"""Suite files: YAML checked against typed models, and its expansion into cells, the product of its axes."""

from bench.suite.choices import augmentations, data_choices, family_choices, measure
from bench.suite.expansion import cells
from bench.suite.labels import rival
from bench.suite.load import available, find, load, parse, place
from bench.suite.models import Augmentation, Data, DataChoice, Family, FamilyChoice, Matching, Seeds, Suite

__all__ = [
    "Augmentation",
    "Data",
    "DataChoice",
    "Family",
    "FamilyChoice",
    "Matching",
    "Seeds",
    "Suite",
    "augmentations",
    "available",
    "cells",
    "data_choices",
    "family_choices",
    "find",
    "load",
    "measure",
    "parse",
    "place",
    "rival",
]
