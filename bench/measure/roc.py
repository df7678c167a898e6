"""Areas under the curves of true against false positives, one class against the rest."""

from __future__ import annotations

import numpy as np
from torch import nn

from bench.measure.inputs import Inputs, Measured
from bench.registry import Options, measurements
from bench.roc import area, one_hot, pack


@measurements.register("roc", version=1, tasks={"classification"})
def measure(options: Options, network: nn.Module, inputs: Inputs) -> Measured:
    """AUC of each class against the rest and over all together (micro), upright and moved, with the moved answers."""
    columns: dict[str, float | str] = {}
    for name, (_, labels) in {"upright": inputs.upright, "transformed": inputs.transformed}.items():
        logits = inputs.answers(network, name)  # type: ignore[arg-type]
        probabilities: np.ndarray = logits.double().softmax(1).cpu().numpy()
        truth = labels.cpu().numpy()
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
