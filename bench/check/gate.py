"""The regression gate: runs a suite, holds it against its baseline, or makes a new baseline."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timezone

from bench import environment
from bench.check.baseline import Baseline, Entry, checked, load_baseline, write_baseline
from bench.check.folder import CheckFolder
from bench.check.judging import Judgement
from bench.check.measurement import Kept, Measurement
from bench.check.outcome import Outcome
from bench.check.speed import suspicious
from bench.check.suite import Suite
from bench.check.workers import Failure, Todo, measure_all
from bench.errors import MissingError, RunFailedError
from bench.progress import Progress

ROUNDS_AGAIN = 2
"""A cell that looks slow is run with all its seeds anew, at most so often."""


class Gate:
    """One check.

    Args:
        suite: what to run; some cells of it, or all.
        folder: where to.
        jobs: processes at a time.
        progress: shows bars and lines.
        whole: whether the suite holds all its cells.
    """

    def __init__(
        self, suite: Suite, folder: CheckFolder, jobs: int, progress: Progress, *, whole: bool
    ) -> None:
        self._suite, self._folder, self._whole = suite, folder, whole
        self._jobs, self._progress = jobs, progress
        self._since = time.perf_counter()

    def check(self) -> Outcome:
        """Runs the suite and compares.

        Raises:
            MissingError: if there is no baseline, or something that a run needs.
            BenchError: if a run cannot be made, or the baseline is damaged.
        """
        baseline = load_baseline(self._suite.baseline)
        if baseline is None:
            raise MissingError(
                f"suite {self._suite.name!r} has no baseline yet",
                where=str(self._suite.baseline),
                hint='make it, on a state you trust: `bench check --update --reason "..."` '
                "(with the same --suite)",
            )
        measured, failures = self._run(self._suite.seeds)
        judged = Judgement(self._suite, baseline, measured, failures, whole=self._whole)
        self._again(judged)
        return self._outcome(judged, baseline, measured)

    def update(self, reason: str) -> tuple[Outcome | None, Baseline]:
        """Runs the suite with all seeds of a baseline, and writes that.

        Args:
            reason: why, for those who will read the file's history.

        Returns:
            What moved since the last baseline, if there was one, and the new one.

        Raises:
            RunFailedError: if a run failed or cannot be a baseline; nothing is written.
            BenchError: if a run cannot be made, or a file cannot be written.
        """
        old = load_baseline(self._suite.baseline)
        measured, failures = self._run(self._suite.baseline_seeds)
        if failures:
            first = failures[0]
            raise RunFailedError(
                f"the run with seed {first.seed} did not finish: {first.why}"
                + (f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""),
                where=first.cell,
                hint="the baseline is as it was",
            )
        checked(measured)
        moved, outcome = ["the first baseline"], None
        if old is not None:
            shared = {
                name: [one for one in runs if one.seed < len(old.cells.get(name, []))]
                for name, runs in measured.items()
            }
            judged = Judgement(self._suite, old, shared, [], whole=True)
            outcome = self._outcome(judged, old, shared)
            moved = [f"{one.cell}: {one.text}" for one in outcome.findings] or ["nothing moved"]
        entry = Entry(
            day=datetime.now(timezone.utc).date(),
            reason=reason,
            commit=_commit(),
            moved=moved,
        )
        history = [*(old.history if old is not None else []), entry]
        new = Baseline(suite=self._suite.name, history=history, cells=measured)
        write_baseline(self._suite.baseline, new)
        return outcome, new

    def _run(self, seeds: int) -> tuple[dict[str, list[Measurement]], list[Failure]]:
        """All cells with all seeds; what an interrupted check has done is taken over."""
        found: dict[str, dict[int, Measurement]] = defaultdict(dict)
        todo = []
        for seed in range(seeds):
            for cell in self._suite.cells:
                kept = self._folder.kept(cell.name, seed)
                if kept is None:
                    todo.append(Todo(cell, seed))
                else:
                    found[cell.name][seed] = kept.measured
        n_before = len(self._suite.cells) * seeds - len(todo)
        if n_before:
            self._progress.line(f"{n_before} runs were made before the check was interrupted")
        failures = self._make(todo, "checking", self._jobs, found, keep=True)
        measured = {
            cell.name: [found[cell.name][seed] for seed in sorted(found[cell.name])]
            for cell in self._suite.cells
        }
        return measured, failures

    def _make(
        self,
        todo: Sequence[Todo],
        what: str,
        jobs: int,
        found: dict[str, dict[int, Measurement]],
        *,
        keep: bool,
    ) -> list[Failure]:
        failures: list[Failure] = []
        n_done = 0
        with self._progress.bar(len(todo), what, "runs") as bar:

            def done(one: Todo, result: Kept | Failure) -> None:
                nonlocal n_done
                n_done += 1
                if isinstance(result, Failure):
                    failures.append(result)
                else:
                    found[one.cell.name][one.seed] = result.measured
                    if keep:
                        self._folder.keep(one.cell.name, one.seed, result)
                bar.advance()
                self._progress.line(f"{n_done}/{len(todo)}  {_run_text(one, result)}")

            measure_all(todo, self._folder.runs, jobs, done)
        return failures

    def _again(self, judged: Judgement) -> None:
        """Runs cells that look slow anew, one at a time; only the new times count then."""
        cells = {cell.name: cell for cell in self._suite.cells}
        fresh: dict[str, list[Measurement]] = defaultdict(list)
        slowdown = self._suite.slowdown
        names = sorted({pace.cell for pace in judged.paces if suspicious(pace, slowdown)})
        for _ in range(ROUNDS_AGAIN):
            if not names:
                return
            self._progress.line(f"looks slow, timed again: {', '.join(names)}")
            found: dict[str, dict[int, Measurement]] = defaultdict(dict)
            todo = [Todo(cells[name], seed) for seed in range(self._suite.seeds) for name in names]
            self._make(todo, "timing again", 1, found, keep=False)
            for name in names:
                fresh[name] += found[name].values()
            names = [
                name
                for name in names
                if fresh[name]
                and any(suspicious(pace, slowdown) for pace in judged.again(name, fresh[name]))
            ]

    def _outcome(
        self, judged: Judgement, baseline: Baseline, measured: dict[str, list[Measurement]]
    ) -> Outcome:
        return Outcome(
            suite=self._suite.name,
            cells={name: len(runs) for name, runs in measured.items()},
            changes=judged.changes,
            paces=judged.paces,
            findings=judged.findings(),
            same_machine=judged.machine_is_same,
            seconds=time.perf_counter() - self._since,
            folder=str(self._folder.path),
            reason=baseline.history[-1].reason if baseline.history else "",
        )


def _run_text(one: Todo, result: Kept | Failure) -> str:
    head = f"{one.cell.name} seed {one.seed}: "
    if isinstance(result, Failure):
        return f"{head}failed: {result.why}"
    score = result.measured.scores[result.measured.primary]
    value = f"{100 * score.value:.2f} %" if score.unit == "fraction" else f"{score.value:.4g}"
    return f"{head}{result.measured.primary} {value}, {result.seconds:.1f} s"


def _commit() -> str | None:
    commit, dirty = environment.git_state()
    return f"{commit} and changes" if commit and dirty else commit
