"""A table of the first page: the grid's text, what it is sorted by, and where it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.comparison import Comparison, Table
from reports.grid import (
    COST_HEADS,
    WHATS,
    Grid,
    ScoreParts,
    Text,
    measured,
    score_parts,
    shortened,
    shown_quotes,
)
from reports.published import QuotedRow


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place of the table.

    Attributes:
        order: the number it is sorted by; None sorts last.
        parts: of a measured score.
        pages: of the runs behind it, without the ending.
        cost: whether it is left out where only scores are shown.
    """

    text: Text
    order: float | None = None
    parts: ScoreParts | None = None
    pages: tuple[str, ...] = ()
    cost: bool = False


def board(
    comparison: Comparison, number: int, grid: Grid, pages: Mapping[str, str]
) -> dict[str, Any]:
    """What the template shows of a table.

    Args:
        comparison: all tables.
        number: of the one to show, from 0.
        grid: the same as text.
        pages: of runs, by the run's folder.
    """
    table = comparison.tables[number]
    quotes = shown_quotes(table, comparison.quoted if number == 0 else ())
    n_measured = len(table.rows)
    rows = []
    for i, texts in enumerate(grid.body):
        made = (
            _measured(table, i, texts, pages)
            if i < n_measured
            else _quoted(table, quotes[i - n_measured], texts)
        )
        rows.append({"name": texts[0], "places": made})
    return {
        "number": number + 1,
        "reasons": grid.reasons,
        "notes": grid.notes,
        "tasks": [(shortened(column.task, 20), measured(column)) for column in table.columns],
        "costs": list(COST_HEADS.values()),
        "others": grid.head[1 + len(WHATS) * len(table.columns) :],
        "rows": rows,
    }


def _measured(
    table: Table, row: int, texts: tuple[Text, ...], pages: Mapping[str, str]
) -> list[Place]:
    made = []
    for j, cell in enumerate(table.cells[row]):
        score, *costs = _of_column(texts, j)
        if cell is None:
            made += [Place(text=score), *(Place(text=text, cost=True) for text in costs)]
            continue
        runs = tuple(pages[folder] for folder in cell.folders if folder in pages)
        made.append(Place(text=score, order=cell.value, parts=score_parts(cell), pages=runs))
        orders = (cell.n_trainable, cell.stored_bytes, cell.train_s)
        made += [
            Place(text=text, order=order, cost=True)
            for text, order in zip(costs, orders, strict=True)
        ]
    return made + [Place(text=text, order=_number(text)) for text in _others(table, texts)]


def _quoted(table: Table, quote: QuotedRow, texts: tuple[Text, ...]) -> list[Place]:
    made = []
    for j, column in enumerate(table.columns):
        score = quote.score(column.task, column.metric)
        orders = (score.value, score.n_trainable, None, None) if score is not None else (None,) * 4
        made += [
            Place(text=text, order=order if text.text else None, cost=i > 0)
            for i, (text, order) in enumerate(zip(_of_column(texts, j), orders, strict=True))
        ]
    return made + [Place(text=text, order=_number(text)) for text in _others(table, texts)]


def _of_column(texts: tuple[Text, ...], column: int) -> tuple[Text, ...]:
    start = 1 + len(WHATS) * column
    return texts[start : start + len(WHATS)]


def _others(table: Table, texts: tuple[Text, ...]) -> tuple[Text, ...]:
    """What belongs to no task: the SUPERB score."""
    return texts[1 + len(WHATS) * len(table.columns) :]


def _number(text: Text) -> float | None:
    return float(text.text) if text.text else None
