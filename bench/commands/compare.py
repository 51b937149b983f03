"""`bench compare`: methods against tasks, from records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SUMMARY = "a table of methods against tasks, from run folders"
DESCRIPTION = """\
Reads the records of runs and prints primary metric, 95 % interval and trained parameters of every
method on every task. Several seeds become mean and spread. Runs on different data are never put
side by side: they stand in tables of their own, with the reason. --reference adds published rows,
marked as quoted, to the first table.
"""
EXAMPLES = """\
examples:
  bench compare                                  everything under runs/
  bench compare runs/ks-* --format markdown --out ks.md
  bench compare --reference paper                beside SpeechPrompt's published results
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench compare`."""
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN_OR_DIR",
        help="run folders, or folders of them (default: runs)",
    )
    parser.add_argument(
        "--format",
        choices=("terminal", "markdown", "json"),
        default="terminal",
        help="of the output (default: terminal)",
    )
    parser.add_argument(
        "--reference",
        choices=("paper",),
        help="add published rows, marked as quoted: SpeechPrompt's table",
    )
    parser.add_argument("--out", type=Path, metavar="PATH", help="write there, not to stdout")


def execute(arguments: argparse.Namespace) -> int:
    """Prints or writes the tables.

    Raises:
        MissingError: if there is no record.
        DataError: if a record cannot be read.
        StorageError: if the output cannot be written.
    """
    from bench.files import write_atomic
    from reports.comparison import compare
    from reports.published import REFERENCES
    from reports.reading import read_runs
    from reports.rendering import render

    quoted = REFERENCES[arguments.reference] if arguments.reference else ()
    comparison = compare(read_runs(arguments.runs or [Path("runs")]), quoted)
    text = render(comparison, arguments.format)
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        write_atomic(arguments.out, text)
    return 0
