"""For a terminal: the table, then what is to be said, then the verdict."""

from __future__ import annotations

import io
import os
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.check.formats.rows import HEAD, finding_text, footnotes, headline, rows
from bench.check.outcome import Outcome


def terminal(outcome: Outcome) -> str:
    """The outcome, bold where something is wrong if stdout is a terminal."""
    output = io.StringIO()
    console = Console(
        file=output,
        force_terminal=sys.stdout.isatty() and "NO_COLOR" not in os.environ,
        width=100_000,
        highlight=False,
        markup=False,
        emoji=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, pad_edge=False)
    for i, head in enumerate(HEAD):
        table.add_column(Text(head), justify="left" if i < 2 or i == 6 else "right", no_wrap=True)
    last = ""
    for row in rows(outcome):
        shown = row._replace(cell="" if row.cell == last else row.cell)
        last = row.cell
        style = "bold red" if row.verdict.isupper() else "green" if row.verdict != "ok" else ""
        table.add_row(*(Text(part, style=style) for part in shown))
    if table.row_count:
        console.print(table)
        console.print()
    for finding in outcome.alarms:
        console.print(f"REGRESSION  {finding_text(finding)}", style="bold red", soft_wrap=True)
    for finding in outcome.remarks:
        console.print(f"note  {finding_text(finding)}", soft_wrap=True)
    if outcome.findings:
        console.print()
    for note in footnotes(outcome):
        console.print(note, style="dim", soft_wrap=True)
    console.print(headline(outcome), style="bold", soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())
