"""Methods against tasks: which runs stand in which table.

Runs on different data never stand in one table (`bodies`); the others go into tables of their own,
with the reason.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from bench.errors import UnknownNameError, UsageError
from reports.bodies import bodies, by_task, difference, shots_of, subset_of
from reports.cells import Cell, cell_of
from reports.fields import Condition, checked, field, kept
from reports.per_utterance import sample_of
from reports.published import TEST_SIZES, QuotedRow
from reports.reading import LeftOut, Reading, Run, finished, showing, unfinished
from reports.replicates import mean_over, replicates
from reports.rows import Rows
from reports.significance import differences, holm
from reports.superb import superb_score

Sort = Literal["score", "name", "trained", "stored", "time"]
SORTS: tuple[Sort, ...] = get_args(Sort)
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What to show, and how.

    Attributes:
        tasks: only these; none for all.
        metric: in place of each task's primary one.
        by: fields that make a row; none for method, model and the options that differ.
        sort: worst score first, by name, or the cheapest first.
        reverse: the other way round.
        conditions: only runs that meet all of them.
        superb: add the SUPERB score.
    """

    tasks: tuple[str, ...] = ()
    metric: str | None = None
    by: tuple[str, ...] = ()
    sort: Sort = "score"
    reverse: bool = False
    conditions: tuple[Condition, ...] = ()
    superb: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """One task on one body of data.

    Attributes:
        classes_below_shots: how many classes have fewer training utterances than `shots`.
        untested: why no row is marked as the best; None if that was tested.
    """

    task: str
    metric: str
    unit: str
    higher_is_better: bool
    corpus: str
    fingerprint: str
    n: dict[str, int]
    shots: int | None
    subset: int | None
    classes_below_shots: int = 0
    untested: str | None = None

    @property
    def as_published(self) -> bool:
        """Whether quoted rows were scored on a test set of this size."""
        whole = self.shots is None and self.subset is None
        return whole and self.n.get("test") == TEST_SIZES.get(self.task, 0)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Methods against tasks; `cells[row][column]` is None where nothing was run.

    Attributes:
        reasons: why the columns do not stand in an earlier table.
        settings: options that differ from column to column within a row.
        superb: SUPERB score of each row, where it can be had; () where it was not asked for.
    """

    reasons: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    settings: tuple[str, ...]
    superb: tuple[float | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All tables, and the runs that are not shown.

    Attributes:
        quoted: published rows; they belong to the first table and are no runs.
    """

    tables: tuple[Table, ...]
    left_out: tuple[LeftOut, ...]
    quoted: tuple[QuotedRow, ...] = ()


def chosen(reading: Reading, choice: Choice) -> tuple[list[Run], list[LeftOut]]:
    """The finished runs to show, and what is not shown although it was not filtered away.

    Raises:
        UnknownNameError: if no record has a field, task or metric that was named.
        UsageError: if a condition compares with what is no number, or no run meets all of them.
    """
    everything = list(reading.runs)
    wanted = kept(everything, choice.conditions)
    if choice.tasks:
        tasks = {run.record.task.name for run in everything}
        for task in choice.tasks:
            if task not in tasks:
                raise UnknownNameError("task", task, tasks, where="--task")
        wanted = [run for run in wanted if run.record.task.name in choice.tasks]
    if choice.conditions and not wanted:
        raise _nothing_meets(everything, choice)
    left_out = [*reading.unreadable, *reading.unended, *unfinished(wanted)]
    runs = finished(wanted)
    if choice.metric is not None:
        metrics = {metric for run in finished(everything) for metric in run.record.scores}
        if metrics and choice.metric not in metrics:
            raise UnknownNameError("metric", choice.metric, metrics, where="--metric")
        runs, lacking = showing(runs, choice.metric)
        left_out += lacking
    return runs, left_out


def _nothing_meets(everything: Sequence[Run], choice: Choice) -> UsageError:
    asked = [f"--task {shlex.quote(task)}" for task in choice.tasks]
    hint = None
    for one in choice.conditions:
        asked.append("--filter " + shlex.quote(f"{one.field}{one.operator}{one.value}"))
        if hint is None and not kept(everything, [one]):
            name = checked(one.field, everything)
            values = sorted({str(field(run.record, name)) for run in everything})
            more = f" and {len(values) - 8} more" if len(values) > 8 else ""
            hint = f"{one.field} is one of: {', '.join(values[:8])}{more}"
    return UsageError(f"no run meets {' '.join(asked)} ({len(everything)} read)", hint=hint)


def compare(
    reading: Reading, choice: Choice | None = None, quoted: Sequence[QuotedRow] = ()
) -> Comparison:
    """Sorts runs into tables.

    The first table takes, of each task, the whole training set that most runs were made on. Runs
    with the same number of shots share a table.

    Raises:
        UnknownNameError: if no record has a field, task or metric that was named.
        UsageError: if a condition compares with what is no number, or no run meets all of them.
    """
    choice = choice or Choice()
    runs, left_out = chosen(reading, choice)
    by = tuple(checked(name, runs) for name in choice.by) if runs else choice.by
    choice = replace(choice, by=by)
    ranked = {task: bodies(same) for task, same in by_task(runs).items()}
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
            rows = Rows(columns.values(), others=every, by=choice.by)
            tables.append(_table(columns, rows, reasons, choice))
    return Comparison(tables=tuple(tables), left_out=tuple(left_out), quoted=tuple(quoted))


def _table(
    columns: dict[str, list[Run]],
    rows: Rows,
    reasons: tuple[str, ...],
    choice: Choice,
) -> Table:
    grouped = {task: by_row(runs, rows) for task, runs in columns.items()}
    cells: defaultdict[str, dict[str, Cell]] = defaultdict(dict)
    heads = []
    for task, runs in columns.items():
        judged, untested = _column_cells(grouped[task], rows)
        for name, cell in judged.items():
            cells[name][task] = cell
        heads.append(_column(runs, untested))
    names = _sorted(cells, choice)
    return Table(
        reasons=reasons,
        columns=tuple(heads),
        rows=tuple(names),
        cells=tuple(tuple(cells[name].get(task) for task in columns) for name in names),
        settings=rows.settings(columns.values()) if not choice.by else (),
        superb=tuple(_superb(name, grouped, heads) for name in names) if choice.superb else (),
    )


def _sorted(cells: dict[str, dict[str, Cell]], choice: Choice) -> list[str]:
    def key(name: str) -> tuple[float, str]:
        shown = list(cells[name].values())
        values: list[float] = {
            "score": [c.value if c.higher_is_better else -c.value for c in shown],
            "name": [0.0],
            "trained": [float(c.n_trainable or 0) for c in shown],
            "stored": [float(c.stored_bytes or 0) for c in shown],
            "time": [c.train_s for c in shown],
        }[choice.sort]
        return (sum(value / len(values) for value in values), name)

    return sorted(cells, key=key, reverse=choice.reverse)


def _column_cells(grouped: dict[str, list[Run]], rows: Rows) -> tuple[dict[str, Cell], str | None]:
    """The cells of a column by row, the best marked if it is; and why none could be."""
    cells = {name: cell_of(runs, rows.mixed(runs)) for name, runs in grouped.items()}
    if len(cells) < 2:
        return cells, "there is one row"
    mixed = next((name for name, cell in cells.items() if cell.mixed), None)
    if mixed is not None:
        return cells, f"{mixed} is a mean over runs with other options"
    samples = []
    for name, runs in grouped.items():
        sample, reason = sample_of(runs)
        if sample is None:
            return cells, f"{name}: {reason}"
        samples.append(sample)
    if len({(sample.utterances, sample.speakers) for sample in samples}) > 1:
        return cells, "the rows answered different utterances"
    names = list(cells)
    sign = 1 if cells[names[0]].higher_is_better else -1
    best = max(range(len(names)), key=lambda i: sign * cells[names[i]].value)
    found = differences(samples, best)
    others = [i for i in range(len(names)) if i != best]
    adjusted = holm([one.p for one in found if one is not None])
    for i, p in zip(others, adjusted, strict=True):
        cells[names[i]] = replace(cells[names[i]], p_best=p)
    cells[names[best]] = replace(cells[names[best]], best=max(adjusted) < LEVEL)
    return cells, None


def by_row(runs: Sequence[Run], rows: Rows) -> dict[str, list[Run]]:
    """Runs by the name of their row."""
    named: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        named[rows.name(run.record)].append(run)
    return dict(named)


def _column(runs: Sequence[Run], untested: str | None) -> Column:
    record, score = runs[0].record, runs[0].score
    return Column(
        task=record.task.name,
        metric=runs[0].shown,
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        corpus=record.corpus.name,
        fingerprint=record.corpus.compared,
        n=record.corpus.n,
        shots=shots_of(record),
        subset=subset_of(record),
        classes_below_shots=max(
            run.record.corpus.notes.get("classes_below_shots", 0) for run in runs
        ),
        untested=untested,
    )


def _superb(
    name: str, grouped: dict[str, dict[str, list[Run]]], heads: Sequence[Column]
) -> float | None:
    """Over the table's columns; None unless all are SUPERB's test sets and the row has all."""
    if not all(head.as_published and name in grouped[head.task] for head in heads):
        return None
    return superb_score(
        {
            task: {
                metric: _mean(rows[name], metric)
                for metric in rows[name][0].record.scores
                if all(metric in run.record.scores for run in rows[name])
            }
            for task, rows in grouped.items()
        }
    )


def _mean(runs: Sequence[Run], metric: str) -> float:
    return mean_over(replicates(runs), lambda run: run.record.scores[metric].value)
