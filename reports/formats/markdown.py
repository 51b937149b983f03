"""Markdown (GitHub's) to paste into a page; characters of a record have no meaning in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.comparison import Comparison
from reports.grid import Grid, Text, What, bold_said, grids, shortened


def markdown(comparison: Comparison, whats: Sequence[What]) -> str:
    """Tables with their notes as lists."""
    blocks = []
    for grid in grids(comparison, whats):
        if grid.reasons:
            blocks.append(_list(grid.reasons))
        blocks.append(_table(grid))
        blocks.append(_list([bold_said(note) for note in grid.notes]))
    if comparison.left_out:
        lines = [
            f"{shortened(folder, 300)}: {shortened(why, 400)}"
            for folder, why in comparison.left_out
        ]
        blocks.append("Not shown:\n\n" + _list(lines))
    return "\n".join(blocks) or "There is no finished run.\n"


def _table(grid: Grid) -> str:
    rows = [[escaped(head) for head in grid.head], ["---", *["---:"] * (len(grid.head) - 1)]]
    rows += [[_cell(text) for text in row] for row in grid.body]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(text: Text) -> str:
    if not text.text:
        return ""
    if text.quoted:
        name, mark, number = text.text.partition(" [quoted ")
        return f"*{escaped(name)}*{mark}{number}"
    return f"**{escaped(text.text)}**" if text.best else escaped(text.text)


def _list(lines: Sequence[str]) -> str:
    return "".join(f"- {escaped(line)}\n" for line in lines)


def escaped(text: str) -> str:
    """Text without meaning to markdown or HTML.

    Brackets and underscores inside words mean nothing alone and stay, links do not come about.
    """
    text = re.sub(r"[\\`*|~]", r"\\\g<0>", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
    text = re.sub(r"!(?=\[)", r"\\!", text)
    text = re.sub(r"(?i)\b(https?|ftp|mailto)(:)", r"\1&#58;", text)
    text = re.sub(r"(?i)\bwww\.", "www&#46;", text)
    return re.sub(r"(?<!\w)@(?=\w)|(?<=\w)@(?=\w)", "&#64;", text)
