"""A step as one CUDA graph: a replay costs the host one call, whatever the network."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.train.step import Step

_WARM_UPS = 3


def captured(step: Step) -> Callable[[], None]:
    """Return the replay of a step's graph; the networks are left as they were.

    The step itself, launched kernel by kernel, where something in it cannot be captured: a host that reads a tensor.
    """
    states = [
        {name: value.clone() for name, value in trainee.network.state_dict().items()} for trainee in step.trainees
    ]
    step.load(0)
    aside = torch.cuda.Stream(step.device)
    aside.wait_stream(torch.cuda.current_stream(step.device))
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UPS):
            step()
    torch.cuda.current_stream(step.device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    replay: Callable[[], None] = graph.replay
    try:
        with torch.cuda.graph(graph):
            step()
    except RuntimeError:
        replay = step
    step.restart(states)
    return replay
