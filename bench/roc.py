"""Receiver operating characteristics: how well scores tell a class from the rest; and answers as text for a table."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 2**16 - 1


def curve(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the shares of false and of true positives (T,), from 0 to 1, as the threshold on scores (N,) falls.

    Examples of one score pass the threshold together. ValueError unless there are both positive and negative ones.

    >>> curve(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False]))
    (array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    if positive.all() or not positive.any():
        raise ValueError("a curve needs examples of the class and of others")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last = np.append(np.diff(ranked) != 0, True)  # of the examples of one score
    true = np.cumsum(hits)[last] / hits.sum()
    false = np.cumsum(~hits)[last] / (~hits).sum()
    return np.append(0.0, false), np.append(0.0, true)


def area(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Return the area under the curve: the chance that an example of the class scores above another, ties for half."""
    false, true = curve(scores, positive)
    return float(np.trapezoid(true, false))


def one_hot(labels: NDArray[np.integer], classes: int) -> NDArray[np.bool_]:
    """Return which class (N, K) each label (N,) is."""
    of_class: NDArray[np.bool_] = labels[:, None] == np.arange(classes)
    return of_class


def pack(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> str:
    """Return labels (N,) below 256 and probabilities (N, K) as text, to 1 part in 65,535.

    >>> text = pack(np.array([1, 0]), np.array([[0.25, 0.75], [1.0, 0.0]]))
    >>> labels, probabilities = unpack(text)
    >>> labels.tolist(), probabilities.round(4).tolist()
    ([1, 0], [[0.25, 0.75], [1.0, 0.0]])
    """
    steps = np.rint(probabilities * _STEPS).astype("<u2")
    content = bytes([probabilities.shape[1]]) + labels.astype(np.uint8).tobytes() + steps.tobytes()
    return base64.b64encode(content).decode()


def unpack(text: str) -> tuple[NDArray[np.integer], Floats]:
    """Return labels (N,) and probabilities (N, K) of a text of `pack`."""
    content = base64.b64decode(text)
    classes = content[0]
    count = (len(content) - 1) // (1 + 2 * classes)
    labels = np.frombuffer(content, np.uint8, count, 1).astype(np.int64)
    return labels, np.frombuffer(content, "<u2", count * classes, 1 + count).reshape(count, classes) / _STEPS
