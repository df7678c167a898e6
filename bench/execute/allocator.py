"""What the host's allocator does with memory that a step gives back."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# glibc's names and numbers, from mallopt(3)
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def keep_memory() -> None:
    """Let the process keep what it frees: a step asks for the same features again, and fresh pages cost a fault each.

    Of glibc alone; elsewhere nothing changes.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_M_MMAP_THRESHOLD, 2**25)  # the most that it takes
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        library.mallopt(_M_TOP_PAD, 2**26)


def release_memory() -> None:
    """Give the system what was kept, so that the peak of the next piece of work is its own."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
