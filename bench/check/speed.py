"""Is a cell slower, by more than this machine's noise explains?

Time is always relative to reference work (`bench.check.kernels`) that was timed beside it, against
the same ratio of the baseline. Of several pieces of reference work the one counts that makes the
cell look best.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from bench.check.measurement import Measurement, Work

WORKS: tuple[Work, ...] = ("training", "inference")
ELSEWHERE = 2.0
"""Ratio that is an alarm on another machine than the baseline's: what one processor does as fast as
the reference work, another may do half again as slowly, with nothing changed."""
LEVEL = 0.01
"""Of the test that a slow-down is not noise."""
SUSPECT = 0.5
"""Share of the (logarithmic) slow-down that is an alarm, from which a cell is measured again."""
SMALLEST_SD = 0.01
"""Log ratios are not taken to repeat better than this."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The time of one kind of work in a cell, now relative to the baseline.

    Attributes:
        work: training steps or inference.
        ratio: 1.0: as in the baseline; 1.3: 30 % slower.
        ci95: its interval.
        p: one-sided, of no slow-down.
        n: runs that were timed now.
        again: whether these are from measuring again, after a first suspicion.
    """

    cell: str
    work: Work
    ratio: float
    ci95: tuple[float, float]
    p: float
    n: int
    again: bool = False


def paces(
    cell: str, now: Sequence[Measurement], before: Sequence[Measurement], *, again: bool = False
) -> list[Pace]:
    """Each kind of work that was timed in both.

    Args:
        cell: its name.
        now: its runs.
        before: the baseline's, at least two.
        again: see `Pace`.
    """
    found = []
    for work in WORKS:
        names = [set(one.speed.get(work, {})) for one in [*now, *before]]
        shared = set.intersection(*names)
        if shared:
            compared = [_pace(cell, work, name, now, before, again) for name in sorted(shared)]
            found.append(min(compared, key=lambda pace: pace.ratio))
    return found


def untimed(now: Sequence[Measurement], before: Sequence[Measurement]) -> list[Work]:
    """The kinds of work that the baseline has times of, and these runs have not."""
    return [
        work
        for work in WORKS
        if all(one.speed.get(work) for one in before)
        and not all(one.speed.get(work) for one in now)
    ]


def suspicious(pace: Pace, slowdown: float) -> bool:
    """Whether to measure again."""
    return math.log(pace.ratio) > SUSPECT * math.log(slowdown)


def too_slow(pace: Pace, slowdown: float) -> bool:
    """Whether this is an alarm."""
    return pace.ratio >= slowdown and pace.p < LEVEL


def _pace(
    cell: str,
    work: Work,
    name: str,
    now: Sequence[Measurement],
    before: Sequence[Measurement],
    again: bool,
) -> Pace:
    logs, others = ([one.speed[work][name] for one in runs] for runs in (now, before))
    difference = statistics.fmean(logs) - statistics.fmean(others)
    variances = [_variance(logs, others), _variance(others, others)]
    parts = [variance / n for variance, n in zip(variances, (len(logs), len(others)), strict=True)]
    error = math.sqrt(sum(parts))
    # Welch-Satterthwaite
    freedom = sum(parts) ** 2 / sum(
        part**2 / max(1, n - 1) for part, n in zip(parts, (len(logs), len(others)), strict=True)
    )
    half = float(stdtrit(freedom, 0.975)) * error
    return Pace(
        cell=cell,
        work=work,
        ratio=math.exp(difference),
        ci95=(math.exp(difference - half), math.exp(difference + half)),
        p=float(stdtr(freedom, -difference / error)),
        n=len(logs),
        again=again,
    )


def _variance(logs: Sequence[float], others: Sequence[float]) -> float:
    own = statistics.variance(logs) if len(logs) > 1 else statistics.variance(others)
    return max(own, SMALLEST_SD**2)
