"""What is said of masks beside the mean IoU by area: as papers count them, point by point."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.measure.inputs import Inputs, Measured
from bench.registry import Options, measurements
from bench.tasks.segmentation import confusion, mean_iou

_BATCH = 100


@measurements.register("masks", version=1, by_default=True, tasks={"segmentation"})
def measure(options: Options, network: nn.Module, inputs: Inputs) -> Measured:
    """Accuracy per point, and the mean IoU of counted points (not of areas), upright and transformed."""
    columns: dict[str, float] = {}
    for name, examples in (("upright", inputs.upright), ("transformed", inputs.transformed)):
        matrix = counted(network, *examples)
        columns[f"point_accuracy_{name}"] = float(matrix.diagonal().sum() / matrix.sum())
        columns[f"counted_iou_{name}"] = mean_iou(matrix)
    return Measured(columns)


@torch.no_grad()
def counted(network: nn.Module, inputs: Tensor, masks: Tensor) -> Tensor:
    """Return the confusion matrix (K, K) of a network's masks, every point counted once, as Gerken et al. 2022 do."""
    network.eval()
    parts = zip(inputs.split(_BATCH), masks.split(_BATCH), strict=True)
    return torch.stack([confusion(network(batch), truth) for batch, truth in parts]).sum(0)
