"""How long a network takes to answer, for one input and for several at once."""

from __future__ import annotations

import time
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.axes import Distinct
from bench.cell import Count
from bench.measure.inputs import Inputs, Measured
from bench.registry import Options, measurements


class LatencyOptions(Options):
    """Of how many inputs, and how often."""

    batches: Annotated[tuple[Count, ...], Distinct()] = Field((1, 32), min_length=1, description="inputs at once")
    repeats: Count = Field(20, description="answers that are timed, fewer of slow networks; their median counts")


#: Answers of slow networks: no more are asked for after so many seconds, once so many are timed.
ENOUGH_SECONDS, FEWEST = 20.0, 3


@measurements.register("latency", options=LatencyOptions, version=1)
def measure(options: LatencyOptions, network: nn.Module, inputs: Inputs) -> Measured:
    """Median milliseconds of an answer to one input and to 32; the row's `timing` says if the device was shared."""
    examples = inputs.upright[0]
    network.eval()
    return Measured(
        {
            f"latency_{count}_ms": 1000 * answered(network, examples[:count], options.repeats)
            for count in options.batches
            if count <= len(examples)
        }
    )


@torch.no_grad()
def answered(network: nn.Module, inputs: Tensor, repeats: int) -> float:
    """Return the median seconds of an answer, after two that are not counted."""
    seconds: list[float] = []
    for i in range(repeats + 2):
        if len(seconds) >= FEWEST and sum(seconds) > ENOUGH_SECONDS:
            break
        began = time.perf_counter()
        network.forward(inputs)  # not called: hooks of whoever watches the network would be timed too
        if inputs.is_cuda:
            torch.cuda.synchronize(inputs.device)
        if i >= 2:
            seconds.append(time.perf_counter() - began)
    return sorted(seconds)[len(seconds) // 2]
