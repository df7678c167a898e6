"""A user's own scalars, vectors and tensors in one NumPy archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from bench.data.archive import arrays
from bench.data.cache import expanded
from bench.data.dataset import SPLIT_SEED, Dataset, partition
from bench.data.shares import ShareOptions
from bench.domains.vectors.groups import parse
from bench.domains.vectors.shape import tensor_shape
from bench.domains.vectors.tensors import Tensors
from bench.errors import UserError
from bench.registry import datasets
from bench.tasks import REGRESSION

#: The least examples of a split: fewer say nothing of an error.
FEWEST = 10


class VectorsNpzOptions(ShareOptions):
    """Options of a NumPy archive of tensors."""

    path: Path = Field(description="an .npz file with arrays 'inputs' and 'targets'; from the working directory on")
    symmetry: str = Field("O(3)", description="the group that the numbers transform by, such as O(3) or O(1,3)")
    inputs: str = Field(description="what an input is, number by number, such as 5S + 5V")
    targets: str = Field(description="what a target is, such as S, V or T2")


def as_numbers(values: NDArray[np.generic], name: str, tensors: Tensors, where: str) -> Tensor:
    """Return numbers (N, size) as float32; UserError for another shape, kind or for what is not finite."""
    shaped = values[:, None] if values.ndim == 1 else values.reshape(len(values), -1)
    if values.dtype.kind not in "iuf" or shaped.shape[1] != tensors.size:
        raise UserError(
            f"{where}: '{name}' is {values.dtype} of shape {values.shape}; '{tensors.text}' of {tensors.group} has "
            f"{tensors.size} numbers, so that whole numbers or floats of shape (N, {tensors.size}) are expected"
        )
    if not np.isfinite(shaped.astype(np.float64)).all():
        raise UserError(f"{where}: '{name}' holds numbers that are not finite; leave their examples out")
    return torch.from_numpy(shaped.astype(np.float32))


@datasets.register("vectors-npz", options=VectorsNpzOptions, version=1, domain="vectors", task="regression")
def load(options: VectorsNpzOptions) -> Dataset:
    """Your own tensors and what they are mapped to, in one .npz file, split by shares."""
    where = str(options.path)
    group = parse(options.symmetry)
    before, after = (Tensors.parse(group, text) for text in (options.inputs, options.targets))
    raw_inputs, raw_targets = arrays(expanded(options.path), ("inputs", "targets"))
    inputs = as_numbers(raw_inputs, "inputs", before, where)
    targets = as_numbers(raw_targets, "targets", after, where)
    if len(inputs) != len(targets):
        raise UserError(f"{where}: there are {len(inputs)} 'inputs' and {len(targets)} 'targets'; give one for each")
    sizes = tuple(round(share * len(inputs)) for share in (options.validation, options.test))
    if min(*sizes, len(inputs) - sum(sizes)) < FEWEST:
        raise UserError(f"{where}: {len(inputs)} examples are too few: every split needs {FEWEST}")
    train, validation, test = partition(inputs, targets, (len(inputs) - sum(sizes), *sizes), SPLIT_SEED, REGRESSION)
    return Dataset("vectors-npz", tensor_shape(before, after), train, validation, test)
