"""Methods against tasks: what each cell of the table says.

Runs on different data never stand in one table (`bodies`); the others go into tables of their own,
with the reason.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.records import Record
from reports.bodies import bodies, by_task, difference, finished, shots_of, unfinished
from reports.published import QuotedRow
from reports.reading import Run
from reports.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one task.

    Attributes:
        value: of the primary metric; the mean over seeds.
        ci95: of the single run; None for several.
        spread: standard deviation over seeds; None for a single run.
        n_trainable: trained parameters; the rounded mean where seeds differ.
    """

    metric: str
    unit: str
    higher_is_better: bool
    value: float
    ci95: tuple[float, float] | None
    spread: float | None
    seeds: tuple[int, ...]
    n_trainable: int | None
    folders: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One task on one body of data."""

    task: str
    metric: str
    unit: str
    higher_is_better: bool
    corpus: str
    n: dict[str, int]
    shots: int | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Methods against tasks; `cells[row][column]` is None where nothing was run.

    Attributes:
        reasons: why the columns do not stand in an earlier table.
        settings: options that differ from column to column within a row.
    """

    reasons: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    settings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All tables, and the runs that could not be shown: (folder, why).

    Attributes:
        quoted: published rows; they belong to the first table and are no runs.
    """

    tables: tuple[Table, ...]
    left_out: tuple[tuple[str, str], ...]
    quoted: tuple[QuotedRow, ...] = ()


def compare(runs: Sequence[Run], quoted: Sequence[QuotedRow] = ()) -> Comparison:
    """Sorts runs into tables.

    The first table takes, of each task, the whole training set that most runs were made on. Runs
    with the same number of shots share a table.
    """
    ranked = {task: bodies(same) for task, same in by_task(finished(runs)).items()}
    by_shots: defaultdict[int, defaultdict[str, list[list[Run]]]]
    by_shots = defaultdict(lambda: defaultdict(list))
    for task, groups in ranked.items():
        for group in groups:
            by_shots[shots_of(group[0].record) or 0][task].append(group)
    every = [group for groups in ranked.values() for group in groups]
    tables = []
    for _, of_task in sorted(by_shots.items()):
        for rank in range(max(map(len, of_task.values()))):
            columns = {task: groups[rank] for task, groups in of_task.items() if rank < len(groups)}
            reasons = tuple(
                difference(group, ranked[task][0])
                for task, group in columns.items()
                if group is not ranked[task][0]
            )
            rows = Rows(columns.values(), others=every)
            tables.append(_table(columns, rows, reasons))
    return Comparison(tables=tuple(tables), left_out=tuple(unfinished(runs)), quoted=tuple(quoted))


def _table(columns: dict[str, list[Run]], rows: Rows, reasons: tuple[str, ...]) -> Table:
    cells: dict[str, dict[str, Cell]] = defaultdict(dict)
    for task, runs in columns.items():
        for name, same in by_row(runs, rows).items():
            cells[name][task] = cell_of(same)

    def order(name: str) -> tuple[float, str]:
        shown = cells[name].values()
        mean = statistics.fmean(c.value if c.higher_is_better else -c.value for c in shown)
        return (mean, name)

    names = sorted(cells, key=order)
    return Table(
        reasons=reasons,
        columns=tuple(_column(runs[0].record) for runs in columns.values()),
        rows=tuple(names),
        cells=tuple(tuple(cells[name].get(task) for task in columns) for name in names),
        settings=rows.settings(columns.values()),
    )


def by_row(runs: Sequence[Run], rows: Rows) -> dict[str, list[Run]]:
    """Runs by the name of their row."""
    named: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        named[rows.name(run.record)].append(run)
    return dict(named)


def _column(record: Record) -> Column:
    score = record.scores[record.primary]
    return Column(
        task=record.task.name,
        metric=record.primary,
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        corpus=record.corpus.name,
        n=record.corpus.n,
        shots=shots_of(record),
    )


def cell_of(runs: Sequence[Run]) -> Cell:
    """One cell from runs that differ in seed (and device or precision) only."""
    records = [run.record for run in runs]
    scores = [record.scores[record.primary] for record in records]
    values = [score.value for score in scores]
    counts = [record.n_trainable for record in records if record.n_trainable is not None]
    single = len(runs) == 1
    return Cell(
        metric=records[0].primary,
        unit=scores[0].unit,
        higher_is_better=scores[0].higher_is_better,
        value=statistics.fmean(values),
        ci95=scores[0].ci95 if single else None,
        spread=None if single else statistics.stdev(values),
        seeds=tuple(sorted(record.seed for record in records)),
        n_trainable=round(statistics.fmean(counts)) if counts else None,
        folders=tuple(str(run.folder) for run in runs),
    )
