"""From measurements and a baseline to an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.check import facts
from bench.check.baseline import Baseline
from bench.check.measurement import Measurement
from bench.check.outcome import Finding, Kind
from bench.check.quality import Change, changes, corrected
from bench.check.speed import ELSEWHERE, Pace, paces, too_slow, untimed
from bench.check.suite import Suite
from bench.check.words import change_text, pace_text
from bench.check.workers import Failure

Measured = Mapping[str, Sequence[Measurement]]


class Judgement:
    """All comparisons of a check.

    Args:
        suite: how strictly.
        baseline: against what.
        measured: the runs of every cell.
        failures: runs that ended with an error.
        whole: whether `measured` is meant to hold every cell of the suite.

    Attributes:
        changes: of quality.
        paces: of time; `remeasured` replaces those of a cell.
        machine_is_same: whether every cell ran where the baseline's runs of it did.
    """

    def __init__(
        self,
        suite: Suite,
        baseline: Baseline,
        measured: Measured,
        failures: Sequence[Failure],
        *,
        whole: bool,
    ) -> None:
        self._suite, self._baseline = suite, baseline
        self._measured = {name: list(measured.get(name, [])) for name in _names(suite)}
        self._findings: list[Finding] = []
        self.paces: list[Pace] = []
        for failure in failures:
            text = f"the run with seed {failure.seed} did not finish: {_one_line(failure.why)}"
            self._say(failure.cell, "run", True, text)
        if whole:
            for name in baseline.cells.keys() - self._measured.keys():
                text = "is in the baseline, but not in the suite any more"
                self._say(name, "suite", True, text)
        found: list[Change] = []
        for name, now in self._measured.items():
            found += self._cell(name, now)
        self.changes = corrected(found)
        self._elsewhere = {name for name in self._measured if not self._at_home(name)}
        self.machine_is_same = not self._elsewhere
        for change in self.changes:
            self._quality(change)

    def _at_home(self, name: str) -> bool:
        """Whether a cell ran where the baseline's runs of it did; cells may differ in threads."""
        before = self._baseline.cells.get(name, [])
        return all(facts.same_machine(a, b) for a in self._measured[name] for b in before)

    def _cell(self, name: str, now: Sequence[Measurement]) -> list[Change]:
        """Compares one cell; says what is not as it was, returns what can be tested."""
        before = self._baseline.cells.get(name)
        if before is None:
            self._say(name, "suite", True, "is new: the baseline does not have it yet")
            return []
        if not now:
            return []
        by_seed = {one.seed: one for one in before}
        unknown = [one.seed for one in now if one.seed not in by_seed]
        if unknown:
            text = f"the baseline has no run with seed {', '.join(map(str, unknown))}"
            self._say(name, "suite", True, text)
            return []
        paired = [by_seed[one.seed] for one in now]
        departures = facts.departures(now, paired)
        for text in departures:
            self._say(name, "facts", True, text)
        for text in facts.notes(now, paired):
            self._say(name, "facts", False, text)
        if now[0].options != paired[0].options:
            self._say(name, "quality", False, "not compared: it was run with other settings")
            return []
        if self._suite.speed:
            self.paces += paces(name, now, before)
            for work in untimed(now, before):
                text = f"{work} could not be timed; in the baseline it was"
                self._say(name, "speed", True, text)
        if any(one.utterances != other.utterances for one, other in zip(now, paired, strict=True)):
            self._say(name, "quality", False, "not compared: the test set is another one")
            return []
        if facts.same_machine(now[0], paired[0]) and not facts.same_answers(now, paired):
            text = "some answers are others than in the baseline, on the same machine"
            self._say(name, "quality", False, text)
        if len(now) < 2:
            self._say(name, "quality", False, "not compared: a single run says nothing")
            return []
        return changes(name, now, before)

    def _quality(self, change: Change) -> None:
        level = self._suite.false_alarm
        if change.p_worse < level:
            self._say(change.cell, "quality", True, f"worse: {change_text(change)}")
        elif change.p_better < level:
            text = f"better: {change_text(change)}; --update makes it the baseline"
            self._say(change.cell, "quality", False, text)

    def again(self, cell: str, now: Sequence[Measurement]) -> list[Pace]:
        """Puts the times of runs made anew in the place of a cell's."""
        fresh = paces(cell, now, self._baseline.cells[cell], again=True)
        self.paces = [
            next((one for one in fresh if (one.cell, one.work) == (old.cell, old.work)), old)
            for old in self.paces
        ]
        return fresh

    def findings(self) -> list[Finding]:
        """Everything there is to say, cell by cell, alarms first."""
        slow = [
            Finding(
                cell=pace.cell,
                kind="speed",
                alarm=pace.cell not in self._elsewhere or pace.ratio >= ELSEWHERE,
                text=f"slower: {pace_text(pace)}",
            )
            for pace in self.paces
            if too_slow(pace, self._suite.slowdown)
        ]
        order = {name: i for i, name in enumerate(self._measured)}
        return sorted(
            [*self._findings, *slow],
            key=lambda one: (order.get(one.cell or "", len(order)), not one.alarm),
        )

    def _say(self, cell: str, kind: Kind, alarm: bool, text: str) -> None:
        self._findings.append(Finding(cell=cell, kind=kind, alarm=alarm, text=text))


def _names(suite: Suite) -> list[str]:
    return [cell.name for cell in suite.cells]


def _one_line(text: str) -> str:
    return " ".join(text.split())
