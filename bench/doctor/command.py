"""`equivaug doctor --check`: every check in a process of its own, its findings to a file, and what is wrong told."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from bench.doctor.finding import Finding
from bench.doctor.rightness import CHECKS, Check
from bench.doctor.speed import speed
from bench.errors import one_line
from bench.execute.settle import settle

#: Seconds that a check may take.
LIMIT = 150
FINE, WRONG = 0, 1

ALL: dict[str, Check] = {check.__name__: check for check in (*CHECKS, speed)}


def check(device: str, out: Path) -> int:
    """Run all checks, print what was found, write it to ``out``, and return the exit code.

    On a GPU those of right numbers run beside one another; on a CPU one after the other, as does what is timed.
    """
    began = time.perf_counter()
    out.parent.mkdir(parents=True, exist_ok=True)
    rightness = [each.__name__ for each in CHECKS]
    with ThreadPoolExecutor(1 if device.startswith("cpu") else len(rightness)) as pool:
        findings = [each for several in pool.map(lambda name: _apart(name, device), rightness) for each in several]
    findings += _apart(speed.__name__, device)
    out.write_text("".join(f"{each.json()}\n" for each in findings), encoding="utf-8")
    wrong = [each for each in findings if not each.right]
    _print(findings)
    for each in wrong:
        bounds = f"at most {each.limit:g}"
        print(
            f"wrong: {each.check}, {each.subject}: {each.measure}: {each.value:.3g}, {bounds}. {each.remark}".rstrip()
        )
    verdict = f"{len(wrong)} wrong" if wrong else "nothing wrong"
    print(f"{len(findings)} findings, {verdict}, in {time.perf_counter() - began:.0f} s: {out}")
    return WRONG if wrong else FINE


def _apart(name: str, device: str) -> list[Finding]:
    """Return what a check finds in a process of its own, in which it may leave the device unusable."""
    called = [sys.executable, "-m", __spec__.name if __name__ == "__main__" else __name__, name, device]
    try:
        process = subprocess.run(called, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return [Finding(name, "all", f"not done in {LIMIT} s", 1, 0)]
    findings = [Finding.parse(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        findings.append(Finding(name, "all", f"the process ended with {process.returncode}", 1, 0, last[:300]))
    return findings


def _print(findings: list[Finding]) -> None:
    """Print the worst value of every measure, and the speeds."""
    table = Table(title_justify="left")
    for heading in ("check", "measure", "worst", "of", "limit", "networks"):
        table.add_column(heading, no_wrap=heading != "measure")
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        key = each.measure if each.limit is not None or each.check != "speed" else f"{each.measure}, {each.subject}"
        groups.setdefault((each.check, key), []).append(each)
    for (name, measure), rows in groups.items():
        limited = [row for row in rows if row.limit is not None] or rows
        worst = max(limited, key=lambda row: row.value)
        limit = "" if worst.limit is None else f"{worst.limit:g}"
        table.add_row(name, measure, f"{worst.value:.3g}", worst.subject, limit, str(len(rows)))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def main(name: str, device: str) -> None:
    """Run one check and print its findings as they come: what a process of `check` does."""
    where = torch.device(device)
    settle(where)
    try:
        for finding in ALL[name](where):
            print(finding.json(), flush=True)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{one_line(error)} ({Path(last.filename).name}:{last.lineno})"
        print(Finding(name, "all", "raised", 1, 0, place[:300]).json(), flush=True)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
