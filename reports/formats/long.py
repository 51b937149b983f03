"""Formats for programs: one line a cell (CSV, parquet), everything unrounded (JSON)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.errors import MissingError
from reports.comparison import Comparison
from reports.grid import What

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(comparison: Comparison, whats: Sequence[What]) -> str:
    """The comparison as it is."""
    del whats
    content = asdict(comparison)
    content["left_out"] = [one._asdict() for one in comparison.left_out]
    return json.dumps(content, ensure_ascii=True, indent=2) + "\n"


def as_csv(comparison: Comparison, whats: Sequence[What]) -> str:
    """A line a cell; text that a spreadsheet would take for a formula starts with an apostrophe."""
    del whats
    output = io.StringIO()
    lines = cells(comparison)
    writer = csv.DictWriter(output, fieldnames=COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _inert(value) for name, value in line.items()})
    return output.getvalue()


def as_parquet(comparison: Comparison, whats: Sequence[What]) -> bytes:
    """The same lines, typed.

    Raises:
        MissingError: if pyarrow is not installed.
    """
    del whats
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise MissingError(
            "parquet needs pyarrow", hint="pip install 'speechprompt-bench[parquet]'"
        ) from error
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    schema = arrow.schema([(name, kinds[kind]) for name, kind in _TYPES.items()])
    output = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(cells(comparison), schema=schema), output)
    return output.getvalue()


_TYPES: dict[str, type] = {
    "table": int,
    "row": str,
    "task": str,
    "metric": str,
    "unit": str,
    "higher_is_better": bool,
    "corpus": str,
    "fingerprint": str,
    "shots": int,
    "subset": int,
    "value": float,
    "ci95_low": float,
    "ci95_high": float,
    "spread": float,
    "runs": int,
    "seeds": str,
    "best": bool,
    "p_best": float,
    "n_trainable": int,
    "stored_bytes": int,
    "train_s": float,
    "mixed": str,
    "quoted_from": str,
}
COLUMNS = tuple(_TYPES)


def cells(comparison: Comparison) -> list[dict[str, Any]]:
    """A line a cell, quoted ones last with their source; what is unknown is None."""
    lines: list[dict[str, Any]] = []
    for number, table in enumerate(comparison.tables, start=1):
        for name, row in zip(table.rows, table.cells, strict=True):
            for column, cell in zip(table.columns, row, strict=True):
                if cell is None:
                    continue
                known = {
                    "table": number,
                    "row": name,
                    **{key: getattr(column, key) for key in ("task", "corpus", "fingerprint")},
                    **{key: getattr(column, key) for key in ("shots", "subset")},
                    **{key: getattr(cell, key) for key in _OF_CELL},
                    "ci95_low": cell.ci95[0],
                    "ci95_high": cell.ci95[1],
                    "runs": len(cell.folders),
                    "seeds": " ".join(map(str, cell.seeds)),
                    "mixed": " ".join(cell.mixed) or None,
                }
                lines.append({key: known.get(key) for key in COLUMNS})
    for quote in comparison.quoted:
        for task, scores in quote.scores.items():
            for score in scores:
                known = {"row": quote.name, "task": task, "unit": "fraction", "value": score.value}
                known |= {"metric": score.metric, "n_trainable": score.n_trainable}
                known |= {"quoted_from": quote.source}
                lines.append({key: known.get(key) for key in COLUMNS})
    return lines


_OF_CELL = (
    "metric",
    "unit",
    "higher_is_better",
    "value",
    "spread",
    "best",
    "p_best",
    "n_trainable",
    "stored_bytes",
    "train_s",
)


def _inert(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value
