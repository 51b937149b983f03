"""For a terminal: aligned by rich, in pieces that fit the width, bold where a row is the best."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text as RichText

from reports.comparison import Comparison
from reports.grid import Grid, Text, What, grids, shortened

_MARK = " *"
_LONGEST_NAME = 44


def terminal(comparison: Comparison, whats: Sequence[What]) -> str:
    """The tables below one another; a `*` marks the best, for whoever sees no bold."""
    output = io.StringIO()
    styled = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(
        file=output,
        force_terminal=styled,
        width=100_000,  # pieces fit the terminal, notes are wrapped by it
        highlight=False,
        markup=False,
        emoji=False,
    )
    blocks = grids(comparison, whats)
    for number, grid in enumerate(blocks):
        if number:
            console.print()
        for reason in grid.reasons:
            console.print(shortened(reason, 400), soft_wrap=True)
        if grid.reasons:
            console.print()
        for piece in _pieces(grid, _width()):
            console.print(_table(grid, piece))
            console.print()
        for note in grid.notes:
            console.print(
                f"*: {note.removeprefix('best: ')}" if note.startswith("best: ") else note,
                style="dim",
                soft_wrap=True,
            )
    if comparison.left_out:
        console.print(("\n" if blocks else "") + "Not shown:")
        for folder, why in comparison.left_out:
            console.print(f"{shortened(folder, 300)}: {shortened(why, 400)}", soft_wrap=True)
    lines = output.getvalue().splitlines()
    return "".join(line.rstrip() + "\n" for line in lines) or "There is no finished run.\n"


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit():
        return max(40, int(columns))
    try:
        return max(40, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return 120


def _pieces(grid: Grid, width: int) -> list[list[int]]:
    """Places of the columns in each piece; a task's columns stay together, names come again."""
    widths = [
        max(cell_len(_plain(row[i])) for row in (*grid.body, tuple(Text(h) for h in grid.head)))
        for i in range(len(grid.head))
    ]
    widths[0] = min(widths[0], _LONGEST_NAME)
    pieces: list[list[int]] = []
    place, used = 1, width + 1
    for size in grid.groups:
        group = list(range(place, place + size))
        place += size
        needed = sum(widths[i] + 2 for i in group)
        if used + needed > width or not pieces:
            pieces.append([0])
            used = widths[0]
        pieces[-1] += group
        used += needed
    return pieces


def _plain(text: Text) -> str:
    return text.text + (_MARK if text.best else "")


def _table(grid: Grid, places: Sequence[int]) -> RichTable:
    table = RichTable(box=None, padding=(0, 2, 0, 0), show_edge=False, pad_edge=False)
    for i in places:
        table.add_column(
            RichText(grid.head[i]),
            justify="left" if i == 0 else "right",
            no_wrap=i > 0,
            overflow="fold",
            max_width=_LONGEST_NAME if i == 0 else None,
        )
    for row in grid.body:
        if any(row[i].text for i in places[1:]):
            table.add_row(*(RichText(_plain(row[i]), style=_style(row[i])) for i in places))
    return table


def _style(text: Text) -> str:
    if text.best:
        return "bold"
    return "italic dim" if text.quoted else ""
