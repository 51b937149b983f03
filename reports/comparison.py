"""Which runs may stand side by side, and what each cell of the table says.

Two runs compare when they were scored on the same data: same task version, same corpus content.
Few-shot runs draw their training utterances by the seed, so there the corpus content differs from
seed to seed; they compare when name, sizes and number of shots agree. Everything else goes into a
table of its own, with the reason.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.records import Record
from reports.reading import Run


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one task.

    Attributes:
        value: of the primary metric; the mean over seeds.
        ci95: of the single run; None for several.
        spread: standard deviation over seeds; None for a single run.
        n_trainable: trained parameters.
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
    higher_is_better: bool
    corpus: str
    n: dict[str, int]
    shots: int | None

    @property
    def title(self) -> str:
        """As printed above the column."""
        shots = f", {self.shots} shots" if self.shots is not None else ""
        return f"{self.task} {self.metric} ({self.corpus}{shots})"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Methods against tasks; `cells[row][column]` is None where nothing was run."""

    reasons: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All tables, and the runs that could not be shown: (folder, why)."""

    tables: tuple[Table, ...]
    left_out: tuple[tuple[str, str], ...]


def compare(runs: Sequence[Run]) -> Comparison:
    """Sorts runs into tables.

    The first table takes, of each task, the data that most runs were made on.
    """
    finished = [run for run in runs if run.record.status == "ok"]
    left_out = [
        (str(run.folder), f"{run.record.status}: {run.record.error or 'no reason given'}")
        for run in runs
        if run.record.status != "ok"
    ]
    by_task: defaultdict[str, defaultdict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for run in finished:
        by_task[run.record.task.name][_data_key(run.record)].append(run)
    ranked = {task: _ranked(bodies) for task, bodies in sorted(by_task.items())}
    names = _row_names(finished)
    depth = max(map(len, ranked.values()), default=0)
    tables = []
    for rank in range(depth):
        columns = {task: bodies[rank] for task, bodies in ranked.items() if rank < len(bodies)}
        reasons = tuple(
            _difference(body[0].record, ranked[task][0][0].record)
            for task, body in columns.items()
            if rank > 0
        )
        tables.append(_table(columns, names, reasons))
    return Comparison(tables=tuple(tables), left_out=tuple(left_out))


def _data_key(record: Record) -> str:
    corpus = record.corpus
    drawn = corpus.notes.get("shots")
    content = (
        corpus.fingerprint if drawn is None else [corpus.name, drawn, sorted(corpus.n.items())]
    )
    return json.dumps([record.task.version, content])


def _ranked(bodies: dict[str, list[Run]]) -> list[list[Run]]:
    def order(runs: list[Run]) -> tuple[int, int, str, str]:
        corpus = runs[0].record.corpus
        return (-len(runs), -corpus.n.get("train", 0), corpus.name, corpus.fingerprint)

    return sorted(bodies.values(), key=order)


def _difference(record: Record, other: Record) -> str:
    """Why the runs of `record` do not stand beside those of `other`."""
    task = record.task.name
    if record.task.version != other.task.version:
        reason = f"version {record.task.version} of the task, not {other.task.version}"
    elif record.corpus.name != other.corpus.name:
        reason = f"corpus {record.corpus.name!r}, not {other.corpus.name!r}"
    elif record.corpus.n != other.corpus.n:
        sizes, others = (
            " / ".join(f"{name} {n:,}" for name, n in r.corpus.n.items()) for r in (record, other)
        )
        reason = f"{sizes} utterances, not {others}"
    else:
        reason = (
            f"another content of corpus {record.corpus.name!r} "
            f"({record.corpus.fingerprint[:8]}, not {other.corpus.fingerprint[:8]})"
        )
    return f"{task}: {reason}; scores on different data do not compare"


def _row_names(runs: Iterable[Run]) -> dict[str, str]:
    """Row name by row key; says of the options only what differs within the method and task."""
    options: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    records = {_row_key(run.record): run.record for run in runs}
    for record in records.values():
        for name, value in record.method.options.items():
            options[record.method.name][name].add(json.dumps(value))
    names = {}
    for key, record in records.items():
        method, model = record.method, record.model
        parts = [method.name]
        if model is not None and model.n_total:
            parts.append(f"on {model.name}")
        parts.extend(
            f"{name.replace('_', '-')}={value}"
            for name, value in method.options.items()
            if len(options[method.name][name]) > 1
        )
        names[key] = " ".join(parts)
    return names


def _row_key(record: Record) -> str:
    model = record.model.fingerprint if record.model is not None else ""
    return json.dumps([record.method.name, record.method.options, model], sort_keys=True)


def _table(columns: dict[str, list[Run]], names: dict[str, str], reasons: tuple[str, ...]) -> Table:
    cells: dict[str, dict[str, Cell]] = defaultdict(dict)
    for task, runs in columns.items():
        by_row: defaultdict[str, list[Run]] = defaultdict(list)
        for run in runs:
            by_row[_row_key(run.record)].append(run)
        for key, same in by_row.items():
            cells[key][task] = _cell(same)

    def order(key: str) -> tuple[float, str]:
        shown = cells[key].values()
        mean = statistics.fmean(c.value if c.higher_is_better else -c.value for c in shown)
        return (mean, names[key])

    rows = sorted(cells, key=order)
    return Table(
        reasons=reasons,
        columns=tuple(_column(runs[0].record) for runs in columns.values()),
        rows=tuple(names[key] for key in rows),
        cells=tuple(tuple(cells[key].get(task) for task in columns) for key in rows),
    )


def _column(record: Record) -> Column:
    return Column(
        task=record.task.name,
        metric=record.primary,
        higher_is_better=record.scores[record.primary].higher_is_better,
        corpus=record.corpus.name,
        n=record.corpus.n,
        shots=record.corpus.notes.get("shots"),
    )


def _cell(runs: Sequence[Run]) -> Cell:
    """One cell from runs that differ in seed (and device or precision) only."""
    records = [run.record for run in runs]
    scores = [record.scores[record.primary] for record in records]
    values = [score.value for score in scores]
    single = len(runs) == 1
    return Cell(
        metric=records[0].primary,
        unit=scores[0].unit,
        higher_is_better=scores[0].higher_is_better,
        value=statistics.fmean(values),
        ci95=scores[0].ci95 if single else None,
        spread=None if single else statistics.stdev(values),
        seeds=tuple(sorted(record.seed for record in records)),
        n_trainable=records[0].n_trainable,
        folders=tuple(str(run.folder) for run in runs),
    )
