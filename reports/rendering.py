"""Tables as text: for a terminal, as markdown that can be pasted into a page, as JSON (unrounded).

Quoted rows come last, in italics and marked `[quoted N]`; what they are quoted from stands below.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from reports.comparison import Cell, Column, Comparison, Table
from reports.metric_names import metric_name
from reports.published import QuotedRow

Format = Literal["terminal", "markdown", "json"]


def render(comparison: Comparison, style: Format) -> str:
    """The comparison as text that ends in a newline."""
    if style == "json":
        return json.dumps(asdict(comparison), ensure_ascii=False, indent=2) + "\n"
    blocks = []
    for number, table in enumerate(comparison.tables):
        if table.reasons:
            blocks.append(_lines(table.reasons, style))
        quoted = _shown(comparison.quoted, table) if number == 0 else []
        grid = _grid(table, quoted, style)
        blocks.append(_markdown(grid) if style == "markdown" else _aligned(grid))
        blocks.append(_lines(_notes(table, quoted), style))
    if comparison.left_out:
        lines = [f"{folder}: {why}" for folder, why in comparison.left_out]
        blocks.append("Not shown:\n" + ("\n" if style == "markdown" else "") + _lines(lines, style))
    return "\n".join(blocks) or "There is no finished run.\n"


def _lines(lines: Sequence[str], style: Format) -> str:
    bullet = "- " if style == "markdown" else ""
    return "".join(f"{bullet}{line}\n" for line in lines)


def _shown(quoted: Sequence[QuotedRow], table: Table) -> list[QuotedRow]:
    """The quoted rows that have something to say in one of the columns."""
    return [row for row in quoted if any(_quoted_score(row, column) for column in table.columns)]


def _grid(table: Table, quoted: Sequence[QuotedRow], style: Format) -> list[list[str]]:
    head = ["method"]
    for column in table.columns:
        arrow = "↑" if column.higher_is_better else "↓"
        unit = "%" if column.unit == "fraction" else column.unit
        head += [f"{column.task} {metric_name(column.metric)}, {unit} {arrow}", "trained"]
    body = []
    for name, cells in zip(table.rows, table.cells, strict=True):
        row = [name]
        for cell in cells:
            row += ["", ""] if cell is None else [_score(cell), _count(cell.n_trainable)]
        body.append(row)
    sources = _sources(quoted)
    mark = "*" if style == "markdown" else ""
    for quote in quoted:
        row = [f"{mark}{quote.name}{mark} [quoted {sources.index(quote.source) + 1}]"]
        for column in table.columns:
            row += [f"{mark}{text}{mark}" if text else "" for text in _quoted(quote, column)]
        body.append(row)
    return [head, *body]


def _notes(table: Table, quoted: Sequence[QuotedRow]) -> list[str]:
    lines = []
    for column in table.columns:
        shots = f", {column.shots} training utterances a class" if column.shots is not None else ""
        counts = ", ".join(f"{name} {n:,}" for name, n in column.n.items())
        lines.append(f"{column.task}: corpus {column.corpus}{shots} ({counts} utterances)")
    shown = [cell for cells in table.cells for cell in cells if cell is not None]
    meaning = []
    if any(cell.ci95 is not None for cell in shown):
        meaning.append("in brackets: 95 % bootstrap interval over the test set")
    if any(cell.spread is not None for cell in shown):
        meaning.append("±: standard deviation over seeds")
    lines.append("; ".join([*meaning, "trained: parameters that received a gradient"]))
    lines.extend(f"differs between tasks: {setting}" for setting in table.settings)
    lines.extend(
        f"[quoted {number}] not run here; scores and parameters as published: {source}"
        for number, source in enumerate(_sources(quoted), start=1)
    )
    return lines


def _sources(quoted: Sequence[QuotedRow]) -> list[str]:
    return list(dict.fromkeys(row.source for row in quoted))


def _quoted_score(row: QuotedRow, column: Column) -> bool:
    score = row.scores.get(column.task)
    return score is not None and score.metric == column.metric and column.shots is None


def _quoted(row: QuotedRow, column: Column) -> tuple[str, str]:
    if not _quoted_score(row, column):
        return "", ""
    score = row.scores[column.task]
    return f"{100 * score.value:.2f}", f"{score.n_trainable / 1e6:g}M"


def _score(cell: Cell) -> str:
    scale = 100.0 if cell.unit == "fraction" else 1.0
    value = f"{scale * cell.value:.2f}"
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
