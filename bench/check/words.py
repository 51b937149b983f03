"""Numbers of a check in words, the same in every format."""

from __future__ import annotations

from bench.check.quality import Change
from bench.check.speed import Pace


def value_text(change: Change, value: float) -> str:
    """A metric's value: shares as per cent."""
    return f"{100 * value:.2f} %" if change.unit == "fraction" else f"{value:.4g}"


def difference_text(change: Change) -> str:
    """The difference with its interval, in points where the metric is a share."""
    if change.exact:
        return "0"
    scale, digits = (100, 2) if change.unit == "fraction" else (1, 4)
    low, high = (f"{scale * bound:+.{digits}f}" for bound in change.ci95)
    return f"{scale * change.difference:+.{digits}f} [{low}, {high}]"


def p_text(p: float) -> str:
    """A p-value as it is usually written."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}" if p < 0.01 else f"p = {p:.2f}"


def change_text(change: Change) -> str:
    """What moved, by how much, how sure."""
    p = min(change.p_worse, change.p_better)
    points = " points" if change.unit == "fraction" else ""
    return (
        f"{change.metric} {value_text(change, change.before)} -> "
        f"{value_text(change, change.now)} ({difference_text(change)}{points}, {p_text(p)})"
    )


def ratio_text(pace: Pace) -> str:
    """The time relative to the baseline's with its interval."""
    low, high = pace.ci95
    return f"{pace.ratio:.2f} [{low:.2f}, {high:.2f}]"


def pace_text(pace: Pace) -> str:
    """How much slower, how sure."""
    again = ", measured again" if pace.again else ""
    return (
        f"{pace.work} takes {ratio_text(pace)} times the baseline's time ({p_text(pace.p)}, "
        f"{pace.n} runs{again})"
    )


def seconds_text(seconds: float) -> str:
    """A duration."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
