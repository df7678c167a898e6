"""Text for a terminal that lacks some of its letters: the nearest plain ones instead of an error."""

from __future__ import annotations

import codecs
import unicodedata

#: The name under which streams ask for `_plain`.
HANDLER = "equivaug-plain"

_PLAIN = {
    "\u00b1": "+-",
    "\u00b7": "*",
    "\u00d7": "x",
    "\u2013": "-",
    "\u2014": "-",
    "\u2016": "||",
    "\u2212": "-",
    "\u2264": "<=",
    "\u2265": ">=",
}


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_letter, error.object[error.start : error.end])), error.end


def _letter(letter: str) -> str:
    """Return what stands for a letter: its plain parts where it has some, an escape such as ``\\udce4`` elsewhere."""
    parts = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return _PLAIN.get(letter) or parts or letter.encode("ascii", "backslashreplace").decode()


codecs.register_error(HANDLER, _plain)
