"""Whether this process may take on more work: an error of a GPU stays in it, and so does a capture that failed."""

from __future__ import annotations

_because: list[str] = []


def retire(because: str) -> None:
    """Have this process end after the work that it does now, if it is a worker; another one takes its place."""
    _because.append(because)


def is_fit() -> bool:
    """Whether nothing has happened that would spoil the next piece of work."""
    return not _because
