"""What a check found: every comparison that was made, and which of them are alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bench.check.quality import Change
from bench.check.speed import Pace

Kind = Literal["run", "suite", "facts", "quality", "speed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is to be said.

    Attributes:
        cell: what it is about; None for the whole check.
        alarm: whether the check fails by it; otherwise it is a remark.
        text: one line.
    """

    cell: str | None
    kind: Kind
    alarm: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a check.

    Attributes:
        cells: name -> runs that were made of it.
        changes: quality, p-values adjusted over the check.
        paces: time relative to the baseline.
        findings: alarms and remarks, in the order of the cells.
        same_machine: whether it is the machine and software of the baseline.
        seconds: wall clock.
        folder: where records and measurements lie.
        reason: of the baseline's last update.
    """

    suite: str
    cells: dict[str, int]
    changes: list[Change] = field(default_factory=list)
    paces: list[Pace] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    same_machine: bool
    seconds: float
    folder: str
    reason: str

    @property
    def alarms(self) -> list[Finding]:
        """The findings that the check fails by."""
        return [one for one in self.findings if one.alarm]

    @property
    def remarks(self) -> list[Finding]:
        """The other ones."""
        return [one for one in self.findings if not one.alarm]

    @property
    def passed(self) -> bool:
        """Whether there is no alarm."""
        return not self.alarms

    @property
    def exact(self) -> bool:
        """Whether every answer came out exactly as in the baseline."""
        return bool(self.changes) and all(change.exact for change in self.changes)
