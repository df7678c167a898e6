"""Representations as sums of tensor powers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.domains.vectors import (
    MatrixElement,
    MatrixGroup,
    TensorLaw,
    Tensors,
)
from bench.errors import UserError
from tests.domains.vectors.cases import GROUPS, drawn, elements, groups, relative, texts


@settings(max_examples=40)
@given(groups, texts, st.integers(0, 99))
def test_tensors_transform_as_a_group(group: MatrixGroup, text: str, seed: int) -> None:
    tensors = Tensors.parse(group, text)
    g, h = elements(group, 2, seed)
    values = torch.randn(3, tensors.size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    law = TensorLaw(tensors)
    assert relative(law.act(law.act(values, h), g), law.act(values, g @ h)) < 1e-9
    assert relative(law.act(values, g), values @ torch.as_tensor(tensors.matrix(g.matrix)).T) < 1e-9


@given(groups, texts)
def test_moving_each_by_its_own_is_acting_with_each_alone(group: MatrixGroup, text: str) -> None:
    law, matrices = TensorLaw(Tensors.parse(group, text)), drawn(group, 4)
    values = torch.randn(4, law.tensors.size, dtype=torch.float64)
    alone = [law.act(values[i : i + 1], MatrixElement.of(matrices[i].numpy())) for i in range(4)]
    assert relative(law.move(law.prepare(values), (matrices,)), torch.cat(alone)) < 1e-12


@given(groups, texts)
def test_tensors_print_as_they_parse(group: MatrixGroup, text: str) -> None:
    tensors = Tensors.parse(group, text)
    assert Tensors.parse(group, tensors.text) == tensors


@pytest.mark.parametrize("text", ["", "3", "0V", "V + ", "T5", "-1V", "2 W"])
def test_what_is_no_sum_of_tensors_is_told(text: str) -> None:
    with pytest.raises(UserError, match="accepted are scalars S"):
        Tensors.parse(GROUPS[0], text)
