"""Points of the first page's interactive chart: quality against trained parameters."""

from __future__ import annotations

from typing import Any

from reports.comparison import Comparison
from reports.grid import shortened, unit_of
from reports.metric_names import metric_name


def scatters(comparison: Comparison) -> list[dict[str, Any]]:
    """A chart a task of the first table, from rows that train something and quoted ones."""
    charts = []
    for table in comparison.tables[:1]:
        for j, column in enumerate(table.columns):
            scale = 100.0 if column.unit == "fraction" else 1.0
            points: list[dict[str, Any]] = []
            for name, row in zip(table.rows, table.cells, strict=True):
                cell = row[j]
                if cell is not None and cell.n_trainable:
                    points.append(
                        {
                            "name": shortened(name),
                            "x": cell.n_trainable,
                            "y": scale * cell.value,
                            "low": scale * cell.ci95[0],
                            "high": scale * cell.ci95[1],
                            "quoted": False,
                        }
                    )
            for quote in comparison.quoted if column.as_published else ():
                score = quote.score(column.task, column.metric)
                if score is not None and score.n_trainable:
                    y = scale * score.value
                    points.append(
                        {
                            "name": f"{quote.name} (quoted)",
                            "x": score.n_trainable,
                            "y": y,
                            "low": y,
                            "high": y,
                            "quoted": True,
                        }
                    )
            if points:
                label = f"{metric_name(column.metric)} ({unit_of(column)})"
                charts.append(
                    {"task": shortened(column.task, 40), "label": label, "points": points}
                )
    return charts
