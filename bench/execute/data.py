"""The data set of a cell, loaded once per process."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bench.data.dataset import Dataset
from bench.registry import datasets


@lru_cache(maxsize=4)
def _loaded(name: str, options: Any) -> Dataset:
    dataset: Dataset = datasets[name].make(options)
    return dataset


def load_data(name: str, options: dict[str, Any]) -> Dataset:
    """Return a data set, loaded once per process."""
    return _loaded(name, datasets[name].options.model_validate(options))
