"""`bench plot`: figures from records."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.commands.run_paths import add_run_paths, run_paths, say_left_out
from reports.figures.kinds import KINDS

SUMMARY = "a figure from run folders"
DESCRIPTION = """\
Draws the primary metric of runs, a panel a task:
  parameters      against trained parameters, with the Pareto front; what trains none is a line
  cost            against training time
  few-shot        against training utterances a class (--shots)
  prompt-length   against --prompt-length; methods without one are horizontal lines
  label-length    error rate against the length of the reference (asr, sf)
and from the other files of run folders:
  learning        validation score and training loss, epoch by epoch
  confusion       which label was taken for which, of up to 6 runs
Bars are 95 % intervals, over the test set and over seeds where there are several. Runs on
different data never share a panel.
"""
EXAMPLES = """\
examples:
  bench plot parameters --out parameters.png          everything under runs/
  bench plot few-shot runs/ks-* --out few-shot.pdf
  bench plot prompt-length runs --out length.svg
"""

FORMATS = (".png", ".svg", ".pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `bench plot`."""
    parser.add_argument("kind", choices=tuple(KINDS), help="what to draw")
    add_run_paths(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the picture; its ending says the format: .png, .svg or .pdf",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Draws and writes the figure; says on stderr what it leaves out.

    Raises:
        UsageError: if the ending is not known, or no run fits the kind.
        MissingError: if there is no record.
        DataError: if a record cannot be read.
        StorageError: if the output cannot be written.
    """
    from bench.errors import DataError, UsageError
    from bench.files import write_atomic

    out: Path = arguments.out
    ending = out.suffix.lower()
    if ending not in FORMATS:
        raise UsageError(
            f"--out {out} has no known ending", hint=f"choose one of {', '.join(FORMATS)}"
        )
    from reports.figures.drawing import draw
    from reports.figures.kinds import figure
    from reports.reading import read_runs

    reading = read_runs(run_paths(arguments))
    shown = figure(arguments.kind, reading.runs)
    say_left_out([*reading.unreadable, *shown.left_out])
    write_atomic(out, draw(shown, ending.removeprefix(".")))
    return DataError.exit_code if reading.unreadable else 0
