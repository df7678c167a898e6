"""A step as one CUDA graph: a replay costs the host one call, whatever the network."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch

from bench.errors import one_line
from bench.fitness import retire
from bench.train.step import Step

_WARM_UPS = 3


def captured(step: Step) -> Callable[[], None]:
    """Return the replay of a step's graph; the networks are left as they were.

    The step itself, launched kernel by kernel, where something in it cannot be captured: a host that reads a tensor.
    The reason is told in one line, and the process takes on no more work: some releases of torch capture nothing after
    a capture that failed, and none gives its memory back.
    """
    states = [
        {name: value.clone() for name, value in trainee.network.state_dict().items()} for trainee in step.trainees
    ]
    step.load(0)
    with torch.cuda.device(step.device):  # graphs and their streams are of the current device
        before = torch.cuda.current_stream(step.device)
        dropout = torch.cuda.get_rng_state(step.device)
        aside = torch.cuda.Stream(step.device)
        aside.wait_stream(before)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                step()
                step.number.zero_()  # a training may have fewer steps than there are warm-ups
        before.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        replay: Callable[[], None] = graph.replay
        try:
            with torch.cuda.graph(graph):
                step()
        except RuntimeError as error:
            torch.cuda.set_stream(before)  # a capture that fails leaves its own stream behind
            print(f"launched kernel by kernel, because in a graph: {one_line(error)}", file=sys.stderr)
            retire(f"a capture failed: {one_line(error)}")
            replay = step
        torch.cuda.set_rng_state(dropout, step.device)
    step.restart(states)
    return replay
