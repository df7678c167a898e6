"""A domain as a value: what inputs are functions on, which groups move them, and how."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from torch import Tensor

from bench.errors import UserError
from bench.geometry.augmentation import Augmentation
from bench.geometry.law import Base, Law, Motion
from bench.geometry.shape import Shape
from bench.groups.protocol import AnyGroup


@dataclass(frozen=True)
class Domain:
    """What a folder of `bench.domains` gives under the name ``DOMAIN``.

    ``groups`` says which names ``group(text)`` reads, with a meaning for each; ``group`` raises UserError for others.
    ``law(shape, resampling)`` is how inputs transform. ``motion(shape, group, resampling, crop)`` is how they are
    moved in training and test, and ``target(shape)`` how their targets are; ``resamplings`` are the ways to
    interpolate, the first by default, ``crops`` those to cut inputs, and ``crop(group)`` that where a suite says none.
    ``bases`` are what training may vary beside the group. ``weights(shape)`` is what each point of a target counts in a
    score, None where all count alike. ``version`` rises with whatever changes how inputs are moved or seen: it enters
    the identity of every cell of the domain.
    """

    name: str
    default_group: str
    groups: Mapping[str, str]
    group: Callable[[str], AnyGroup]
    law: Callable[[Shape, Any], Law]
    motion: Callable[[Shape, Any, Any, Any], Motion]
    target: Callable[[Shape], Motion]
    resamplings: tuple[str, ...]
    crops: tuple[str, ...]
    crop: Callable[[Any], str]
    weights: Callable[[Shape], Tensor | None] = lambda shape: None
    bases: Mapping[str, Base] = field(default_factory=dict)
    version: int = 1

    def augmentation(self, shape: Shape, group: str, strength: float, resampling: str, crop: str) -> Augmentation:
        """Return how examples of a shape are moved by a group of this name."""
        moving = self.group(group)
        return Augmentation(moving, strength, self.motion(shape, moving, resampling, crop), self.target(shape))


_plugged: dict[str, Domain] = {}


def register_domain(added: Domain) -> None:
    """Add the domain of a plug-in; UserError where its name is taken."""
    if added.name in domain_names():
        raise UserError(f"the domain '{added.name}' is there already; known: {', '.join(domain_names())}")
    _plugged[added.name] = added


def domain(name: str) -> Domain:
    """Return the domain of a folder of `bench.domains`, or of a plug-in; UserError where there is none of that name."""
    if name not in domain_names():
        raise UserError(f"unknown domain '{name}'; known: {', '.join(domain_names())}")
    return _plugged[name] if name in _plugged else _of_folder(name)


def domain_names() -> tuple[str, ...]:
    """Return the names of the domains: the folders of `bench.domains`, and what plug-ins added."""
    return (*_folders(), *_plugged)


@cache
def _of_folder(name: str) -> Domain:
    value: Domain = importlib.import_module(f"bench.domains.{name}").DOMAIN
    return value


@cache
def _folders() -> tuple[str, ...]:
    package = importlib.import_module("bench.domains")
    return tuple(module.name for module in pkgutil.iter_modules(package.__path__))
