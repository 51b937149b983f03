"""`bench compare`: methods against tasks, from records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.run_paths import add_run_paths, run_paths
from reports.formats.kinds import FORMATS

if TYPE_CHECKING:
    from reports.grid import What

SUMMARY = "a table of methods against tasks, from run folders"
DESCRIPTION = """\
Reads the records of runs and shows metric with 95 % interval, trained parameters, stored bytes and
training time of every method on every task. Several seeds become mean and spread. The best of a
column is marked only if it is significantly better than every other row. Runs on different data are
never put side by side: they stand in tables of their own, with the reason. --reference adds
published rows, marked as quoted, to the first table. --format html makes a page with figures.
"""
EXAMPLES = """\
examples:
  bench compare                                  everything under runs/
  bench compare runs/ks-* --format markdown --out ks.md
  bench compare --reference paper                beside SpeechPrompt's published results
  bench compare --by method --by prompt-length --filter 'method=prompt' --task ks
  bench compare runs --columns score,trained --format latex --out table.tex
  bench compare --format html --out site         a leaderboard; open site/index.html

exit code 1 if a record is corrupt, truncated or of another version: it is named and passed over.
"""

COLUMNS: tuple[What, ...] = ("score", "trained", "stored", "time")
SORTS = ("score", "name", "trained", "stored", "time")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench compare`."""
    add_run_paths(parser)
    parser.add_argument(
        "--format",
        choices=(*FORMATS, "html"),
        default="terminal",
        help="of the output (default: terminal)",
    )
    parser.add_argument(
        "--reference",
        choices=("paper", "superb"),
        help="add published rows, marked as quoted: SpeechPrompt's table, or SUPERB's leaderboard",
    )
    parser.add_argument(
        "--task", action="append", default=[], metavar="T", help="only this task; may come again"
    )
    parser.add_argument("--metric", metavar="M", help="in place of each task's primary metric")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="FIELD",
        help="what makes a row: method, model, seed, an option, ...; may come again (default: "
        "method, model and the options that differ)",
    )
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="COND",
        help="only runs with FIELD=VALUE, also != < <= > >= and ~ (contains); may come again",
    )
    parser.add_argument(
        "--sort", choices=SORTS, default="score", help="rows (default: score, the worst first)"
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument(
        "--columns",
        nargs="+",
        default=COLUMNS,
        metavar="C",
        help=f"of each task, of {', '.join(COLUMNS)}: `score trained` or `score,trained`; folders "
        "go before it (default: all)",
    )
    parser.add_argument(
        "--clips",
        type=int,
        default=20,
        metavar="N",
        help="html: copy the sound of at most N test utterances a run, wrong answers first "
        "(default: 20)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="write there, not to stdout; html: a folder"
    )


def columns(arguments: argparse.Namespace) -> tuple[What, ...]:
    """The columns that `--columns` names, apart or with commas.

    Raises:
        UnknownNameError: if there is no such column.
        UsageError: if one is a folder: words after `--columns` are columns.
    """
    from bench.errors import UnknownNameError, UsageError

    found: list[What] = []
    for word in arguments.columns:
        for name in filter(None, word.split(",")):
            known = next((column for column in COLUMNS if column == name), None)
            if known is not None:
                found.append(known)
            elif Path(word).exists():
                raise UsageError(
                    f"--columns: {word!r} is a folder, not a column",
                    hint="put folders before --columns",
                )
            else:
                raise UnknownNameError("column", name, COLUMNS, where="--columns")
    return tuple(found)


def execute(arguments: argparse.Namespace) -> int:
    """Prints or writes the tables.

    Returns:
        1 if a record could not be read, otherwise 0.

    Raises:
        UsageError: if a field, task or condition is wrong, or --out is needed.
        MissingError: if there is no record, or an extra is needed.
        DataError: if not one record can be read.
        StorageError: if the output cannot be written.
    """
    from bench.errors import DataError, UsageError
    from bench.files import write_atomic
    from reports.comparison import Choice, chosen, compare
    from reports.fields import condition
    from reports.formats.kinds import render
    from reports.published import REFERENCES
    from reports.reading import read_runs

    if arguments.out is None and arguments.format in ("html", "parquet"):
        raise UsageError(
            f"--format {arguments.format} needs --out",
            hint="--out site" if arguments.format == "html" else "--out table.parquet",
        )
    shown = columns(arguments)
    choice = Choice(
        tasks=tuple(arguments.task),
        metric=arguments.metric,
        by=tuple(arguments.by),
        sort=arguments.sort,
        reverse=arguments.reverse,
        superb=arguments.reference == "superb",
        conditions=tuple(condition(text) for text in arguments.filter),
    )
    reading = read_runs(run_paths(arguments))
    for where, why in reading.unreadable:
        print(f"bench: skipped: {where}: {why}", file=sys.stderr)
    quoted = REFERENCES[arguments.reference] if arguments.reference else ()
    comparison = compare(reading, choice, quoted)
    if arguments.format == "html":
        from bench.commands.site_folder import write_site
        from reports.page.site import build

        runs, _ = chosen(reading, choice)
        write_site(build(comparison, runs, max(0, arguments.clips)), arguments.out)
        return DataError.exit_code if reading.unreadable else 0
    made = render(comparison, arguments.format, shown)
    if arguments.out is not None:
        write_atomic(arguments.out, made)
    else:
        sys.stdout.write(made if isinstance(made, str) else "")
    return DataError.exit_code if reading.unreadable else 0
