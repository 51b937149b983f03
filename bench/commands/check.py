"""`bench check`: the regression gate."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import StorageError, UsageError

if TYPE_CHECKING:
    from bench.check.baseline import Baseline
    from bench.check.outcome import Outcome
    from bench.check.suite import Suite

SUMMARY = "regression gate: a suite of small runs against a committed baseline"
DESCRIPTION = """\
Runs a suite of small cells (every task, prompt tuning and the s3prl baseline) and compares with the
baseline that is committed beside it. Settings, test sets, frozen weights and parameter counts must
be equal. Quality must not be worse than seeds and test set explain; time must not be longer than
the machine's noise explains, relative to reference work timed in the same run. What moved is said,
by how much and how surely.

--update runs the suite with more seeds and makes that the baseline; the reason stays in the file.
"""
EXAMPLES = """\
examples:
  bench check                                       the suite `ci`
  bench check --format github                       annotations in GitHub Actions
  bench check --format junit --report check.xml
  bench check --suite gate.yaml                     a suite of your own, on your own GSLM
  bench check --suite gate.yaml --update --reason "first baseline"
  bench check --only ks-prompt                      one cell

exit code 1 if something is worse, slower, or not as in the baseline.
"""

FORMATS = ("terminal", "markdown", "junit", "github")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench check`."""
    parser.add_argument(
        "--suite",
        default="ci",
        metavar="NAME|FILE",
        help="a suite that comes with bench, or a YAML file (default: ci)",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="CELL", help="only this cell; may come again"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="terminal", help="of the output (default: terminal)"
    )
    parser.add_argument(
        "--report", type=Path, metavar="PATH", help="write the output there, not to stdout"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where records and measurements go (default: checks/SUITE)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a check that was interrupted"
    )
    parser.add_argument(
        "--update", action="store_true", help="make what is measured now the baseline"
    )
    parser.add_argument(
        "--reason", metavar="TEXT", help="with --update: why; it is kept in the baseline's history"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes at a time (default: as many as cores, 2 at most)",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def execute(arguments: argparse.Namespace) -> int:
    """Checks, or updates the baseline; prints what was found.

    Returns:
        1 if there is a regression, otherwise 0.

    Raises:
        UsageError: if options or the suite are wrong.
        MissingError: if there is no baseline, or something that a run needs.
        BenchError: if runs cannot be made or files not written.
    """
    from bench.check.folder import CheckFolder
    from bench.check.formats.kinds import render
    from bench.check.gate import Gate
    from bench.check.suite import load_suite
    from bench.progress import Progress

    _agree(arguments)
    suite = load_suite(arguments.suite)
    whole = not arguments.only
    suite = suite.only(arguments.only)
    folder = CheckFolder(arguments.out or Path("checks") / suite.name)
    folder.start(suite, resume=arguments.resume)
    progress = Progress(quiet=arguments.quiet)
    gate = Gate(suite, folder, arguments.jobs or _jobs(), progress, whole=whole)
    if arguments.update:
        outcome, baseline = gate.update(arguments.reason.strip())
        made = _updated(suite, baseline)
        if outcome is not None:
            made = render(outcome, arguments.format) + ("" if arguments.format == "junit" else made)
        _show(made, arguments.report)
        return 0
    outcome = gate.check()
    _show(render(outcome, arguments.format), arguments.report)
    if arguments.format == "github":
        _summarise(outcome)
    return 0 if outcome.passed else 1


def _agree(arguments: argparse.Namespace) -> None:
    if arguments.update and not (arguments.reason or "").strip():
        raise UsageError(
            "--update needs a reason",
            hint='say why results may move: --reason "longer prompts by default"',
        )
    if arguments.reason is not None and not arguments.update:
        raise UsageError("--reason goes with --update", hint="add --update, or leave --reason out")
    if arguments.update and arguments.only:
        raise UsageError("--only and --update exclude each other: a baseline is of a whole suite")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs {arguments.jobs} is too small", hint="at least 1")


def _jobs() -> int:
    from bench.environment import n_cores

    return min(2, n_cores())


def _updated(suite: Suite, baseline: Baseline) -> str:
    entry = baseline.history[-1]
    lines = [f"{suite.baseline}: written ({entry.reason})"]
    lines += [f"  {text}" for text in entry.moved]
    return "".join(f"{' '.join(line.split())}\n" for line in lines)


def _show(text: str, report: Path | None) -> None:
    from bench.files import make_folder, write_atomic

    if report is None:
        sys.stdout.write(text)
        return
    make_folder(report.parent)
    write_atomic(report, text)


def _summarise(outcome: Outcome) -> None:
    """The table goes where GitHub Actions shows a job's summary, if that is where we are."""
    from bench.check.formats.markdown import markdown

    named = os.environ.get("GITHUB_STEP_SUMMARY")
    if not named:
        return
    try:
        with Path(named).open("a", encoding="utf-8") as stream:
            stream.write(markdown(outcome))
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=named) from error
