"""The plotting backend that the environment names, where it cannot be loaded: a notebook leaves its own to children."""

from __future__ import annotations

import importlib.util
import os

PREFIX = "module://"


def replace_missing() -> None:
    """Let matplotlib draw to memory where ``MPLBACKEND`` names a module that is not installed here."""
    named = os.environ.get("MPLBACKEND", "")
    if not named.startswith(PREFIX):
        return
    try:
        spec = importlib.util.find_spec(named.removeprefix(PREFIX))
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        os.environ["MPLBACKEND"] = "agg"


replace_missing()
