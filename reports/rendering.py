"""Tables as text: for a terminal, as markdown, as JSON (unrounded)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from reports.comparison import Cell, Comparison, Table

Format = Literal["terminal", "markdown", "json"]


def render(comparison: Comparison, style: Format) -> str:
    """The comparison as text that ends in a newline."""
    if style == "json":
        return json.dumps(asdict(comparison), ensure_ascii=False, indent=2) + "\n"
    blocks = []
    for table in comparison.tables:
        if table.reasons:
            blocks.append("\n".join(table.reasons) + "\n")
        grid = _grid(table)
        blocks.append(_markdown(grid) if style == "markdown" else _aligned(grid))
    if comparison.left_out:
        bullet = "- " if style == "markdown" else "  "
        lines = [f"{bullet}{folder}: {why}" for folder, why in comparison.left_out]
        blocks.append("\n".join(["Not shown:", *lines]) + "\n")
    return "\n".join(blocks)


def _grid(table: Table) -> list[list[str]]:
    head = ["method"]
    for column in table.columns:
        arrow = "up" if column.higher_is_better else "down"
        head += [f"{column.title}, better: {arrow}", "trained"]
    body = []
    for name, cells in zip(table.rows, table.cells, strict=True):
        row = [name]
        for cell in cells:
            row += ["", ""] if cell is None else [_score(cell), _count(cell.n_trainable)]
        body.append(row)
    return [head, *body]


def _score(cell: Cell) -> str:
    scale, unit = (100.0, " %") if cell.unit == "fraction" else (1.0, f" {cell.unit}")
    value = f"{scale * cell.value:.2f}{unit}"
    if cell.spread is not None:
        return f"{value} ± {scale * cell.spread:.2f} ({len(cell.seeds)} {_what(cell)})"
    if cell.ci95 is not None:
        lo, hi = cell.ci95
        return f"{value} [{scale * lo:.2f}, {scale * hi:.2f}]"
    return value


def _what(cell: Cell) -> str:
    return "seeds" if len(set(cell.seeds)) == len(cell.seeds) else "runs"


def _count(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"


def _markdown(grid: Sequence[Sequence[str]]) -> str:
    rows = [[cell.replace("|", "\\|") for cell in row] for row in grid]
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [rows[0], rule, *rows[1:]])


def _aligned(grid: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    lines = []
    for row in grid:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip() + "\n")
    lines.insert(1, "  ".join("-" * width for width in widths) + "\n")
    return "".join(lines)
