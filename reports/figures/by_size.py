"""The kinds with one point a row and size: a panel for every body of data that is shown.

`parameters`: the primary metric against trained parameters. `cost`: against training time.
`prompt-length`: against the option.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from bench.errors import UsageError
from bench.records import Record
from reports.bodies import bodies, by_task, shots_of, what_differs
from reports.comparison import by_row
from reports.figures.panel import Figure, Panel, Point, Series, bars, by_x, front, point, y_label
from reports.reading import LeftOut, Run, finished, unfinished
from reports.rows import Rows

OPTION = "prompt_length"
_FEW = "few-shot; the other runs of the task were trained on the whole set"
_ONE_LENGTH = "on data with fewer than two prompt lengths, and other data of the task has several"


def parameters(runs: Sequence[Run]) -> Figure:
    """The primary metric against trained parameters; what trains none becomes a line.

    Raises:
        UsageError: if no run has trained parameters.
    """
    return _figure(
        runs,
        _n_trainable,
        "Trained parameters",
        "no finished run trained parameters (n_trainable above 0)",
        "runs of methods that train: `bench run --method prompt ...`",
        whole_sets,
    )


def cost(runs: Sequence[Run]) -> Figure:
    """The primary metric against training time; what trains nothing becomes a line.

    Raises:
        UsageError: if no run was trained.
    """
    return _figure(
        runs,
        _train_s,
        "Training time (s)",
        "no finished run trained parameters for some time",
        "runs of methods that train: `bench run --method prompt ...`",
        whole_sets,
    )


def prompt_length(runs: Sequence[Run]) -> Figure:
    """The primary metric against the prompt length; methods without one become lines.

    Raises:
        UsageError: if no run has a prompt length.
    """
    return _figure(
        runs,
        _prompt_length,
        "Prompt length (vectors a layer)",
        "no finished run has the option prompt_length",
        "runs of `bench run --method prompt --prompt-length P`, for several P",
        _sweeps,
    )


def _n_trainable(record: Record) -> float | None:
    return record.n_trainable or None


def _train_s(record: Record) -> float | None:
    return (record.cost.train_s or None) if record.n_trainable else None


def _prompt_length(record: Record) -> float | None:
    value = record.method.options.get(OPTION)
    return float(value) if isinstance(value, int) else None


def _figure(
    runs: Sequence[Run],
    x_of: Callable[[Record], float | None],
    x_label: str,
    nothing: str,
    fitting: str,
    chosen: Callable[[list[list[Run]]], tuple[list[list[Run]], list[LeftOut]]],
) -> Figure:
    left_out = unfinished(runs)
    ranked = {}
    for task, same in by_task(finished(runs)).items():
        groups, aside = chosen(bodies(same))
        left_out.extend(aside)
        shown = [group for group in groups if any(x_of(run.record) is not None for run in group)]
        left_out.extend(
            LeftOut(
                str(run.folder), f"{nothing.removeprefix('no finished run ')}: none on this data"
            )
            for group in groups
            if group not in shown
            for run in group
        )
        if shown:
            ranked[task] = shown
    if not ranked:
        raise UsageError(nothing, hint=f"what fits: {fitting}")
    groups = [group for shown in ranked.values() for group in shown]
    rows = Rows(groups, merged=(OPTION,))
    panels = [
        _panel(
            group,
            rows,
            x_of,
            x_label,
            None if number == 0 else what_differs(group[0], shown[0][0]),
        )
        for shown in ranked.values()
        for number, group in enumerate(shown)
    ]
    return Figure(
        panels=tuple(panels),
        notes=(bars(panels), *_front(panels), *_settings(rows, groups)),
        left_out=tuple(left_out),
    )


def whole_sets(groups: list[list[Run]]) -> tuple[list[list[Run]], list[LeftOut]]:
    """Leaves few shots out where a whole training set was used."""
    if shots_of(groups[0][0].record) is not None:
        return groups, []
    kept = [group for group in groups if shots_of(group[0].record) is None]
    aside = [run for group in groups if group not in kept for run in group]
    return kept, [LeftOut(str(run.folder), _FEW) for run in aside]


def _sweeps(groups: list[list[Run]]) -> tuple[list[list[Run]], list[LeftOut]]:
    """Leaves bodies of data with one prompt length out where another one has several."""
    kept = [
        group for group in groups if len({_prompt_length(run.record) for run in group} - {None}) > 1
    ]
    if not kept:
        return whole_sets(groups)
    aside = [run for group in groups if group not in kept for run in group]
    return kept, [LeftOut(str(run.folder), _ONE_LENGTH) for run in aside]


def _panel(
    group: Sequence[Run],
    rows: Rows,
    x_of: Callable[[Record], float | None],
    x_label: str,
    note: str | None,
) -> Panel:
    record = group[0].record
    placed = [run for run in group if x_of(run.record) is not None]
    rest = [run for run in group if x_of(run.record) is None]
    series = [Series(name=name, points=_points(same, x_of)) for name, same in _sorted(placed, rows)]
    levels = [Series(name=name, points=(point(same, None),)) for name, same in _sorted(rest, rows)]
    values = sorted({p.x for line in series for p in line.points if p.x is not None})
    lengths = x_of is _prompt_length
    shots = shots_of(record)
    return Panel(
        title=title(record) + (f", {shots} utterances a class" if shots is not None else ""),
        x_label=x_label,
        y_label=y_label(group[0]),
        scale="log" if min(values) > 0 else "symlog",
        series=tuple(series),
        levels=tuple(levels),
        ticks=tuple(values) if lengths and len(values) <= 10 else None,
        note=note,
        front=() if lengths else front(series, higher_is_better=group[0].score.higher_is_better),
    )


def _sorted(runs: Sequence[Run], rows: Rows) -> list[tuple[str, list[Run]]]:
    return sorted(by_row(runs, rows).items())


def _points(runs: Sequence[Run], x_of: Callable[[Record], float | None]) -> tuple[Point, ...]:
    """A point a prompt length; its place is the mean over seeds, which few-shot draws may shift."""
    points = []
    for same in by_x(runs, lambda record: _prompt_length(record) or 0.0).values():
        places = [x for run in same if (x := x_of(run.record)) is not None]
        points.append(point(same, statistics.fmean(places)))
    return tuple(sorted(points, key=lambda p: p.x or 0.0))


def title(record: Record) -> str:
    """Task and corpus; the corpus only where it is not named like the task."""
    task, corpus = record.task.name.upper(), record.corpus.name
    return task if corpus == record.task.name else f"{task} ({corpus})"


def _front(panels: Iterable[Panel]) -> list[str]:
    if not any(len(panel.front) > 1 for panel in panels):
        return []
    return ["Grey line: Pareto front; nothing shown is as good further to the left."]


def _settings(rows: Rows, groups: Iterable[Sequence[Run]]) -> list[str]:
    return [f"Settings differ: {line}." for line in rows.settings(groups)]
