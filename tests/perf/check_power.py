"""`python -m tests.perf.check_power`: what `bench check` catches, and how often it cries wolf.

Plants each fault into a tiny suite, several times, and repeats the unchanged suite many times;
every repetition runs and times everything anew. Prints the table of docs/check.md. The noise of the
machine is whatever else runs on it.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.check.folder import CheckFolder
from bench.check.gate import Gate
from bench.check.outcome import Outcome
from bench.check.suite import load_suite
from bench.progress import Progress
from tests.e2e.gates import make_gate
from tests.perf.faults import FAULTS


def once(gate_file: Path, plant: Callable[[], AbstractContextManager[None]]) -> Outcome:
    """One check of the suite, from nothing."""
    suite = load_suite(str(gate_file))
    folder = CheckFolder(gate_file.parent / "checks")
    folder.start(suite, resume=False)
    with plant():
        found = Gate(suite, folder, 1, Progress(quiet=True), whole=True).check()
    times = ", ".join(f"{p.work} x {p.ratio:.2f}{' again' * p.again}" for p in found.paces)
    alarms = "; ".join(one.kind for one in found.alarms) or "no alarm"
    print(f"  {found.seconds:.1f} s  {times}  {alarms}", file=sys.stderr, flush=True)
    return found


def row(name: str, outcomes: list[Outcome], kind: str | None) -> str:
    """A row of the table."""
    n = len(outcomes)
    alarms = sum(not one.passed for one in outcomes)
    right = sum(any(f.kind == kind for f in one.alarms) for one in outcomes)
    told = sorted({f"{f.kind}: {f.text}" for one in outcomes for f in one.alarms}, key=len)
    print(f"  {name}: e.g. {told[0]}" if told else f"  {name}: nothing", file=sys.stderr)
    shown = f"{right} of {n} by {kind}" if kind else f"{alarms} of {n}"
    return f"| {name} | {n} | {shown} |"


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 1 if a fault was missed or an unchanged suite alarmed."""
    parser = argparse.ArgumentParser(prog="check_power", description=__doc__)
    parser.add_argument("--repeats", type=int, default=30, help="of the unchanged suite")
    parser.add_argument("--times", type=int, default=3, help="each fault is planted so often")
    parser.add_argument("--train", type=int, default=600, help="training utterances of the suite")
    parser.add_argument("--only", choices=FAULTS, help="plant this fault alone")
    given = parser.parse_args(arguments)
    table = ["| what | checks | alarms |", "|---|---:|---|"]
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # a suite's paths are those of the place it is run in
        os.environ["BENCH_CACHE"] = str(Path(name) / "cache")
        file = make_gate(
            Path(name), speed=True, seeds=3, baseline_seeds=6, n_train=given.train, epochs=6
        )
        suite = load_suite("./gate.yaml")
        folder = CheckFolder(Path("first"))
        folder.start(suite, resume=False)
        Gate(suite, folder, 1, Progress(quiet=True), whole=True).update("the first")
        since = time.perf_counter()
        unchanged = [once(file, contextlib.nullcontext) for _ in range(given.repeats)]
        took = (time.perf_counter() - since) / max(1, given.repeats)
        bad += sum(not one.passed for one in unchanged)
        if unchanged:
            table.append(row("unchanged", unchanged, None))
        for fault, (plant, kind) in FAULTS.items():
            if given.only not in (None, fault):
                continue
            outcomes = [once(file, plant) for _ in range(given.times)]
            bad += sum(not any(f.kind == kind for f in one.alarms) for one in outcomes)
            table.append(row(fault, outcomes, kind))
    ratios = sorted(math.log(p.ratio) for one in unchanged for p in one.paces)
    print("\n".join(table))
    if ratios:
        print(
            f"\nTimes of the unchanged suite, relative to its baseline: "
            f"{math.exp(ratios[0]):.3f} to {math.exp(ratios[-1]):.3f}; {took:.1f} s a check."
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
