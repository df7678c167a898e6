"""One side of a comparison: a process that times the workloads of the code that it imports, when it is asked to.

Run by its path with the root of that code on PYTHONPATH, as another revision has no such file, or another one.
Questions and answers are lines of JSON, on standard input and on what was standard output:

    ["names"]              -> the names of all workloads
    ["prepare", name]      -> null; what follows is about this workload, which has been warmed up
    ["time", calls]        -> seconds of so many calls of it
    ["counters"]           -> counters by name
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def main(device_name: str) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    import torch

    from bench.gate.workloads import workloads

    device = torch.device(device_name)
    _settle(device)
    known = {workload.name: workload for workload in workloads()}
    work: Callable[[], object] = lambda: None  # noqa: E731 - nothing is timed before it is prepared
    for line in sys.stdin:
        question, *arguments = json.loads(line)
        answer: Any = None
        if question == "names":
            answer = list(known)
        elif question == "prepare":
            work, _ = known[arguments[0]].prepare(device)
            for _ in range(3):
                work()
        elif question == "time":
            answer = _seconds(work, arguments[0], device)
        elif question == "counters":
            from bench.gate.counters import count

            answer = count(device)
        print(json.dumps(answer), file=answers, flush=True)


def _settle(device: Any) -> None:
    import torch

    try:
        from bench.execute.settle import settle

        settle(device)
    except ImportError:  # revisions that had it elsewhere
        if device.type == "cpu":
            torch.set_num_threads(1)


def _seconds(work: Callable[[], object], calls: int, device: Any) -> float:
    """Return the seconds of calls: on a CPU those in which this process had it, whatever else the machine does."""
    if device.type == "cpu":
        began = time.process_time()
        for _ in range(calls):
            work()
        return time.process_time() - began
    import torch

    torch.cuda.synchronize(device)
    began = time.perf_counter()
    for _ in range(calls):
        work()
    torch.cuda.synchronize(device)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, whose modules are not packages of that code
    main(sys.argv[1])
