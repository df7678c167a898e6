"""Areas under the curves of true against false positives, one class against the rest."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bench.measure.batches import at_once
from bench.measure.inputs import Inputs, Measured
from bench.registry import Options, measurements
from bench.roc import area, one_hot, pack


@measurements.register("roc", version=1, tasks={"classification"})
def measure(options: Options, network: nn.Module, inputs: Inputs) -> Measured:
    """AUC of each class against the rest and over all together (micro), upright and moved, with the moved answers."""
    columns: dict[str, float | str] = {}
    for name, (images, labels) in {"upright": inputs.upright, "transformed": inputs.transformed}.items():
        probabilities, truth = predicted(network, images), labels.cpu().numpy()
        classes = one_hot(truth, probabilities.shape[1])
        columns[f"auc_{name}"] = area(probabilities.ravel(), classes.ravel())
        columns |= {
            f"auc_{name}_class_{k}": area(probabilities[:, k], classes[:, k])
            for k in range(classes.shape[1])
            if 0 < classes[:, k].sum() < len(classes)
        }
        if name == "transformed" and classes.shape[1] < 256:
            columns["transformed_answers"] = pack(truth, probabilities)
    return Measured(columns)


@torch.no_grad()
def predicted(network: nn.Module, images: Tensor) -> np.ndarray:
    """Return the probabilities (N, K) that a network gives the classes, float64."""
    network.eval()
    logits = torch.cat([network(batch) for batch in images.split(at_once(images))])
    probabilities: np.ndarray = logits.double().softmax(1).cpu().numpy()
    return probabilities
