"""What is left of fields where a network forgets how they move: the largest component, or the norm."""

from __future__ import annotations

import torch

from bench.domains.plane.layers import FieldNorms, FieldPool
from bench.groups import Element, FieldType, Group, irrep, regular, trivial


def test_the_largest_component_of_every_field_is_left() -> None:
    group = Group.parse("C4")
    fields = FieldType(((regular(group), 2), (trivial(group), 1)))
    features = torch.randn(3, fields.channels, 5, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([features[:, :4].amax(1), features[:, 4:8].amax(1), features[:, 8]], 1)
    assert torch.equal(FieldPool(fields)(features), expected)
    moved = fields.mix(features, Element.rotation(90))
    assert torch.equal(FieldPool(fields)(moved), expected)


def test_the_derivative_is_shared_by_the_largest_components() -> None:
    fields = FieldType(((regular(Group.parse("C4")), 3),))
    generator = torch.Generator().manual_seed(0)
    features = torch.randint(-2, 3, (2, fields.channels, 5, 5), generator=generator).float()  # so that many are tied
    slopes = torch.randn(2, 3, 5, 5, generator=generator)
    for layout in (torch.contiguous_format, torch.channels_last):
        entered = features.to(memory_format=layout).requires_grad_()
        (found,) = torch.autograd.grad(FieldPool(fields)(entered), entered, slopes)
        (expected,) = torch.autograd.grad(entered.unflatten(1, (3, 4)).amax(2), entered, slopes)
        assert torch.equal(found, expected)
        _, forwards = torch.func.jvp(FieldPool(fields), (features,), (torch.ones_like(features),))
        assert torch.equal(forwards, torch.ones_like(slopes))


def test_norms_of_vectors_and_scalars_as_they_are_are_left() -> None:
    group = Group.parse("SO(2)")
    fields = FieldType(((trivial(group), 1), (irrep(group, 1), 2), (irrep(group, 2), 1)))
    features = torch.randn(3, fields.channels, 5, 5, generator=torch.Generator().manual_seed(0))
    vectors = features[:, 1:].unflatten(1, (3, 2)).norm(dim=2)
    found = FieldNorms(fields)(features)
    assert torch.equal(found[:, 0], features[:, 0])
    torch.testing.assert_close(found[:, 1:], vectors, rtol=1e-4, atol=1e-4)
    moved = fields.mix(features, Element.rotation(30))
    torch.testing.assert_close(FieldNorms(fields)(moved), found, rtol=1e-4, atol=1e-4)
    still = torch.zeros(1, fields.channels, 2, 2, requires_grad=True)
    FieldNorms(fields)(still).sum().backward()
    assert still.grad is not None
    assert still.grad.isfinite().all()
