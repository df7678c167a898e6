"""Named random streams.

Every random choice draws from the stream of its own name (``split``, ``order``, ``augmentation``, ``initialisation``,
``evaluation``), so that one choice never shifts another: a split does not depend on the model, and a step's randomness
is a function of (seed, stream, step) alone, which is what makes a resumed run equal an uninterrupted one.
"""

from __future__ import annotations

import hashlib

import torch


def derive(seed: int, stream: str, step: int = 0) -> int:
    """Return the 63-bit seed of one step of one named stream."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, stream: str, step: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a fresh generator on ``device`` for one step of one named stream."""
    return torch.Generator(device=device).manual_seed(derive(seed, stream, step))
