"""Networks on the sphere: what each promises."""

from __future__ import annotations

import pytest
import torch

from bench.domains.sphere import RotationGroup, sphere_shape
from bench.errors import Impossible
from bench.measure import equivariance_error
from bench.registry import families
from bench.tasks import SEGMENTATION, task_of
from tests.domains.sphere.signals import FLOAT32, SO3, close, network, random


class TestNetworks:
    @pytest.mark.parametrize("task", ["classification", "segmentation"])
    @pytest.mark.parametrize("name", ["s2cnn", "sphere-cnn"])
    def test_outputs_are_those_of_the_task(self, name: str, task: str) -> None:
        outputs = network(name, task)(random(2, 1, 16, 16))
        assert outputs.shape == ((2, 11) if task == "classification" else (2, 11, 16, 16))

    @pytest.mark.parametrize("task", ["classification", "segmentation"])
    @pytest.mark.parametrize("options", [{}, {"kernel": "full"}, {"oversampling": 1.5}, {"rings": 2, "angles": 5}])
    def test_turns_that_keep_the_grid_are_exact(self, task: str, options: dict[str, object]) -> None:
        rows = equivariance_error(
            network("s2cnn", task, **options).eval(),
            random(3, 1, 16, 16),
            RotationGroup("D4").elements,
            task_of(sphere_shape(8, 11, task)),
        )
        assert max(row["error"] for row in rows) < 2e-5
        assert {row["layer"] for row in rows} == {"input", "block1", "block2", "block3", "output"}

    def test_oversampling_brings_every_rotation_closer(self) -> None:
        errors = {}
        for oversampling in (1.0, 2.0):
            rows = equivariance_error(
                network("s2cnn", "segmentation", kernel="full", oversampling=oversampling).eval(),
                random(2, 1, 16, 16),
                SO3.probes({"rotation": (45.0, 120.0)}),
                SEGMENTATION,
            )
            errors[oversampling] = max(row["error"] for row in rows if row["layer"] == "output")
        assert errors[2.0] < errors[1.0] / 3
        assert errors[2.0] < 0.05

    def test_the_plain_network_is_none_of_that(self) -> None:
        plain = network("sphere-cnn", "classification").eval()
        rows = equivariance_error(plain, random(3, 1, 16, 16), SO3.probes({"rotation": (90.0,)}))
        assert next(row["error"] for row in rows if row["layer"] == "output") > 0.05

    @pytest.mark.parametrize("task", ["classification", "segmentation"])
    def test_a_periodic_longitude_is_exact_for_steps_of_its_strides(self, task: str) -> None:
        plain, maps = network("sphere-cnn", task).eval(), random(2, 1, 16, 16)
        with torch.no_grad():
            before, after = plain(maps), plain(maps.roll(4, -1))
            expected = before if task == "classification" else before.roll(4, -1)
            close(after, expected, FLOAT32)
            padded = network("sphere-cnn", task, periodic=False).eval()
            assert (
                float(
                    (
                        padded(maps.roll(4, -1))
                        - (padded(maps) if task == "classification" else padded(maps).roll(4, -1))
                    ).norm()
                )
                > 1e-3
            )

    def test_the_published_sizes_of_networks_for_masks(self) -> None:
        """Gerken et al. 2022, from the features that the paper lists; of the CNNs to the last parameter.

        Of the S2CNN the points of a kernel are inferred from the number of parameters.
        """
        published = {
            218_144: ((13, 15, 22, 31, 141), (5, 3, 9, 7, 3), (1, 1, 1, 1, 2)),
            1_042_013: ((12, 13, 16, 77, 96, 163), (3, 3, 5, 5, 3, 5), (1, 1, 1, 2, 1, 1)),
            5_519_335: ((12, 15, 16, 85, 141, 191, 1100), (3, 5, 3, 7, 5, 3, 3), (1, 1, 1, 2, 1, 1, 2)),
        }
        for size, (channels, sizes, strides) in published.items():
            layers = {"channels": channels, "kernel_sizes": sizes, "strides": strides}
            made = network("sphere-cnn-released", "segmentation", 1, 50, **layers)
            assert sum(p.numel() for p in made.parameters()) == size
        equivariant = network(
            "s2cnn",
            "segmentation",
            1,
            50,
            channels=(11, 12, 13, 14, 13, 12, 11),
            bands=(0.84, 0.7, 0.54, 0.4, 0.54, 0.7, 0.84),
            rings=3,
            angles=8,
            orientations=8,
        )
        assert sum(p.numel() for p in equivariant.parameters()) == pytest.approx(204_000, rel=0.1)

    @pytest.mark.parametrize("bandwidth", [8, 10, 12])
    def test_the_released_cnn_gives_a_mask_of_the_size_of_its_input(self, bandwidth: int) -> None:
        layers = {"channels": (2, 3, 4), "kernel_sizes": (5, 3, 3), "strides": (1, 2, 2)}
        released = network("sphere-cnn-released", "segmentation", 1, bandwidth, **layers)
        outputs = released(random(2, 1, 2 * bandwidth, 2 * bandwidth))
        assert outputs.shape == (2, 11, 2 * bandwidth, 2 * bandwidth)

    def test_what_cannot_be_is_told(self) -> None:
        with pytest.raises(Impossible, match="nothing is left of 16 points on a side after windows of 5, 3, 9, 7, 3"):
            network("sphere-cnn-released", "segmentation", 1)
        with pytest.raises(Impossible, match="do not divide"):
            network("sphere-cnn", "classification", bandwidth=6, strides=(2, 2, 2, 2))
        with pytest.raises(ValueError, match="one per block"):
            network("s2cnn", "classification", bands=(1.0,))
        with pytest.raises(ValueError, match="odd"):
            network("sphere-cnn", "classification", kernel_sizes=(4,))
        with pytest.raises(ValueError, match="rings is of local kernels"):
            network("s2cnn", "classification", kernel="full", rings=2)
        options = families["s2cnn"].options
        whole_options = options.model_validate({"kernel": "full"}).model_dump()
        assert options.model_validate(whole_options).model_dump() == whole_options
