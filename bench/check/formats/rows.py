"""The rows that every format shows: a cell's qualities and times, with a verdict."""

from __future__ import annotations

import re
from typing import NamedTuple

from bench.check.outcome import Finding, Outcome
from bench.check.quality import Change
from bench.check.speed import Pace
from bench.check.words import difference_text, p_text, ratio_text, seconds_text, value_text

HEAD = ("cell", "what", "baseline", "now", "difference [95 %]", "worse by chance", "")
_LONGEST = 600


class Row(NamedTuple):
    """A comparison in words; the verdict is `ok`, `WORSE`, `SLOWER` or `better`."""

    cell: str
    what: str
    before: str
    now: str
    difference: str
    chance: str
    verdict: str


def rows(outcome: Outcome) -> list[Row]:
    """All comparisons, cell by cell."""
    found = []
    for cell in outcome.cells:
        found += [_quality(one, outcome) for one in outcome.changes if one.cell == cell]
        found += [_speed(one, outcome) for one in outcome.paces if one.cell == cell]
    return found


def headline(outcome: Outcome) -> str:
    """One line: what was done and how it ended."""
    runs = sum(outcome.cells.values())
    did = f"{outcome.suite}: {len(outcome.cells)} cells, {runs} runs, "
    took = seconds_text(outcome.seconds)
    if outcome.passed:
        return plain(f"{did}no regression, {took}")
    cells = list(dict.fromkeys(one.cell or "the suite" for one in outcome.alarms))
    return plain(f"{did}{took}, REGRESSION in {', '.join(cells)}")


def footnotes(outcome: Outcome) -> list[str]:
    """What a reader should know about the comparison."""
    if outcome.exact:
        answers = "Every answer came out exactly as in the baseline."
    elif outcome.same_machine:
        answers = "This is the machine and software of the baseline, so equal code repeats itself."
    else:
        answers = (
            "This is another machine or other software than the baseline's, so answers may differ "
            "as between seeds; the intervals allow for that."
        )
    found = [
        answers,
        "Worse by chance: one-sided, for all qualities of the check together (Holm).",
    ]
    if outcome.paces:
        found.append("Times are relative to reference work timed between the steps of the runs.")
    if outcome.reason:
        found.append(f"Baseline: {plain(outcome.reason)}")
    found.append(f"Records: {plain(outcome.folder)}")
    return found


def finding_text(finding: Finding) -> str:
    """`cell: text`, on one line."""
    head = f"{finding.cell}: " if finding.cell else ""
    return plain(head + finding.text)


def plain(text: str) -> str:
    """Text of others on one line, of bounded length, without control characters."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+", " ", text)
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _quality(one: Change, outcome: Outcome) -> Row:
    alarms = [a for a in outcome.findings if a.cell == one.cell and a.kind == "quality"]
    verdict = "ok"
    for finding in alarms:
        word, _, rest = finding.text.partition(": ")
        if rest.startswith(f"{one.metric} "):
            verdict = "WORSE" if finding.alarm else word
    return Row(
        plain(one.cell),
        plain(one.metric),
        value_text(one, one.before),
        value_text(one, one.now),
        difference_text(one),
        p_text(one.p_worse) if not one.exact else "",
        verdict,
    )


def _speed(one: Pace, outcome: Outcome) -> Row:
    slow = any(
        finding.cell == one.cell
        and finding.kind == "speed"
        and finding.alarm
        and finding.text.startswith(f"slower: {one.work} ")
        for finding in outcome.findings
    )
    return Row(
        plain(one.cell),
        f"{one.work} time",
        "1",
        f"{one.ratio:.2f}",
        f"x {ratio_text(one)}",
        "",
        "SLOWER" if slow else "ok",
    )
