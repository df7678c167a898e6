"""The errors that a person caused and can mend: one sentence, shown without a traceback, exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input: the message names the file, the key or line, what was found and what would be accepted."""


class Impossible(UserError):  # noqa: N818 - it is a reason, and reads as one
    """A combination that cannot exist (a group that a family lacks, an image too small); the message is the reason."""


def one_line(error: BaseException, longest: int = 300) -> str:
    """Return an exception as one line of a table: its type and the beginning of what it says."""
    said = " ".join(str(error).split())
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest known word, or ``; known: a, b`` when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(names)}"


def is_unicode(text: str) -> bool:
    """Whether a text can be written down: a file's name that is not Unicode has lone surrogates for its bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Return a text as one line that can be printed: control characters and lone surrogates as escapes."""
    letters = (letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    return "".join(letters)
