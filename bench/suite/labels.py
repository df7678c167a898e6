"""Names that tell the networks of a suite apart, and whose size others have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.errors import UserError, nearest
from bench.registry import Entry, Options
from bench.suite.models import FamilyChoice


def name_of(entry: Entry, options: Options) -> str:
    """Return what a reader calls a family: its name, group and kind of fields."""
    parts = [entry.name, *(str(getattr(options, key)) for key in ("group", "fields") if hasattr(options, key))]
    return " ".join(parts)


def twins(pairs: list[tuple[dict[str, Any], FamilyChoice]]) -> list[tuple[dict[str, Any], FamilyChoice]]:
    """Add to the labels of networks that are matched to another which size of it they share."""
    rivals = {choice.match.like for _, choice in pairs if choice.match and choice.match.like}
    return [
        (settings, replace(choice, label=f"{choice.label}, {choice.match.described(rivals)}"))
        if choice.match and choice.match.like
        else (settings, choice)
        for settings, choice in pairs
    ]


def with_rivals(choices: list[FamilyChoice], where: str) -> list[FamilyChoice]:
    """Return the choices; UserError where one is matched to a network that there is not, or that has no size itself."""
    for like in dict.fromkeys(choice.match.like for choice in choices if choice.match and choice.match.like):
        named = rival(choices, like, where)
        if named.width is None and named.match is None:
            raise UserError(
                f"{where}: families[{named.position}]: others are matched to '{like}'; give it a 'width', or a "
                "'match' with a 'target'"
            )
    return choices


def rival(choices: Sequence[FamilyChoice], like: str, where: str) -> FamilyChoice:
    """Return the network whose size others are to have: the one with that label, however long it is trained."""
    sized = [choice for choice in choices if choice.match is None or choice.match.target]
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


def distinguished(pairs: list[tuple[dict[str, Any], FamilyChoice]], where: str) -> list[FamilyChoice]:
    """Add to labels that occur more than once the values that tell their choices apart.

    UserError if two different choices still have one label: every table and figure would mix them.
    """
    rivals: dict[str, list[dict[str, Any]]] = {}
    for settings, choice in pairs:
        rivals.setdefault(choice.label, []).append(settings)
    labelled = [
        replace(choice, label=" ".join([choice.label, *telling(settings, rivals[choice.label], choice.label)]))
        for settings, choice in pairs
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


def telling(settings: dict[str, Any], rivals: list[dict[str, Any]], label: str = "") -> list[str]:
    """Return ``key value`` for the values that not all of ``rivals`` have, without those that the label shows."""
    differing = {
        key: f"{value:g}" if isinstance(value, float) else str(value)
        for key, value in settings.items()
        if value is not None and any(rival.get(key) != value for rival in rivals)
    }
    return [f"{key} {text}" for key, text in differing.items() if text not in label.split()]
