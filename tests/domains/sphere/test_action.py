"""Functions on the sphere turn as they should, in their spectra and on their grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from e3nn import o3
from hypothesis import given, settings
from torch import Tensor

from bench.domains.sphere import Rotation, RotationGroup, RotationSpectra, Signals
from bench.domains.sphere.action import grid_points, nearest, read_at, resampled, rotated
from bench.domains.sphere.transforms import (
    on_sphere,
    sphere_spectrum,
    whole,
)
from bench.domains.sphere.wigner import wigner
from tests.domains.sphere.signals import FLOAT32, close, element, haar, random, seeds, spectrum


class TestAction:
    def test_spherical_harmonics_of_e3nn_turn_as_functions_do(self) -> None:
        """f(g^-1 p) of a function that e3nn evaluates anywhere, against our rotation of its values on the grid."""
        bandwidth, coefficients = 6, random(16)

        def function(points: Tensor) -> Tensor:
            harmonics = torch.cat([o3.spherical_harmonics(degree, points, False) for degree in range(4)], -1)
            return harmonics @ coefficients

        grid, g = grid_points(bandwidth, torch.device("cpu")), element(5)
        still = function(grid).view(1, 1, 12, 12)
        expected = function(grid @ torch.tensor(g.matrix, dtype=torch.float32)).view(1, 1, 12, 12)
        close(Signals().act(still, g), expected, FLOAT32)
        close(Signals("spline").act(still, g), expected, 0.03)
        close(
            read_at(still, (grid @ torch.tensor(g.matrix, dtype=torch.float32))[None], "bilinear").view_as(still),
            expected,
            0.3,
        )

    @given(seeds, seeds)
    @settings(max_examples=10)
    def test_it_is_an_action(self, a: int, b: int) -> None:
        g, h, law, there = element(a), element(b), RotationSpectra(), spectrum(6)
        close(law.act(law.act(there, g), h), law.act(there, h @ g), FLOAT32)
        close(law.act(law.act(there, g), ~g), there, FLOAT32)

    def test_spectra_turn_as_the_functions_that_they_stand_for(self) -> None:
        """(T_g f)(h) = f(g^-1 h) on SO(3), every value as an explicit sum over the spectrum."""
        degrees, g = 4, element(3)
        there = spectrum(degrees, 1, 1)
        points = [element(seed) for seed in range(20)]

        def values(numbers: Tensor, at: list[Rotation]) -> list[float]:
            full, found = whole(numbers)[0, 0].numpy(), []
            for h in at:
                total = 0j
                for degree in range(degrees):
                    inner = slice(degrees - 1 - degree, degrees + degree)
                    basis = wigner(degree, *(np.array([angle]) for angle in h.euler))[0]
                    total += (2 * degree + 1) * (full[degree, inner, inner] * basis.conj()).sum()
                found.append(total.real)
            return found

        np.testing.assert_allclose(
            values(RotationSpectra().act(there, g), points), values(there, [~g @ h for h in points]), atol=1e-4
        )

    @pytest.mark.parametrize("resampling", ["spline", "bilinear", "harmonic"])
    def test_what_keeps_the_grid_resamples_nothing(self, resampling: str) -> None:
        signals = on_sphere(sphere_spectrum(random(2, 1, 16, 16), 8), 8)
        for g in RotationGroup("D4").elements:
            moved = Signals(resampling).act(signals, g)  # type: ignore[arg-type]
            close(moved.flatten().sort().values, signals.flatten().sort().values, FLOAT32)

    def test_masks_go_where_their_points_go(self) -> None:
        labels = torch.randint(0, 5, (2, 12, 12), generator=torch.Generator().manual_seed(0))
        for g in RotationGroup("D4").elements:
            moved = nearest(labels, torch.tensor([g.quaternion]))
            assert torch.equal(nearest(moved, torch.tensor([(~g).quaternion])), labels)
            read = resampled(labels[:, None].float(), torch.tensor([g.quaternion], dtype=torch.float32), "bilinear")
            assert torch.equal(moved, read[:, 0].round().long())
        assert set(nearest(labels, haar(2)).flatten().tolist()) <= set(labels.flatten().tolist())

    def test_each_example_turns_by_its_own(self) -> None:
        there, signals, drawn = spectrum(4), random(2, 1, 8, 8), haar(2)
        for i in range(2):
            close(rotated(there, drawn)[i], rotated(there[i : i + 1], drawn[i : i + 1])[0], FLOAT32)
            close(
                resampled(signals, drawn, "spline")[i],
                resampled(signals[i : i + 1], drawn[i : i + 1], "spline")[0],
                FLOAT32,
            )
