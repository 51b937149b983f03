"""`bench compare`: methods against tasks, from records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SUMMARY = "a table of methods against tasks, from run folders"
DESCRIPTION = """\
Reads the records of runs and prints primary metric, 95 % interval and trained parameters of every
method on every task. Several seeds become mean and spread. Runs on different data are never put
side by side: they stand in tables of their own, with the reason.
"""
EXAMPLES = """\
examples:
  bench compare                                  everything under runs/
  bench compare runs/ks-* --format markdown --out ks.md
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
    from reports.reading import read_runs
    from reports.rendering import render

    comparison = compare(read_runs(arguments.runs or [Path("runs")]))
    text = render(comparison, arguments.format)
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        write_atomic(arguments.out, text)
    return 0
