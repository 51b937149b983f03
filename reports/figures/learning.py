"""`learning`: validation score and training loss, epoch by epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from bench.errors import DataError, UsageError
from reports.bodies import bodies, by_task, shots_of, what_differs
from reports.comparison import by_row
from reports.figures.by_size import title, whole_sets
from reports.figures.panel import Figure, Panel, Point, Series
from reports.reading import LeftOut, Run, finished, unfinished
from reports.replicates import replicates
from reports.rows import Rows
from reports.run_files import epochs

Log = list[dict[str, Any]]
_ByEpoch = defaultdict[str, defaultdict[float, list[float]]]
"""Values by what was logged, then by epoch."""


def learning(runs: Sequence[Run]) -> Figure:
    """A panel for each number that is logged of a body of data, a line a row.

    Raises:
        UsageError: if no run has a log of at least two epochs.
    """
    left_out = unfinished(runs)
    logs: dict[str, Log] = {}
    for run in finished(runs):
        try:
            log = epochs(run.folder)
        except DataError as error:
            left_out.append(LeftOut(str(run.folder), str(error)))
            continue
        if log is not None and len([line for line in log if "epoch" in line]) > 1:
            logs[str(run.folder)] = log
        else:
            left_out.append(LeftOut(str(run.folder), "has no log of two epochs (train.jsonl)"))
    kept = [run for run in finished(runs) if str(run.folder) in logs]
    if not kept:
        raise UsageError(
            "no finished run has a log of at least two epochs (train.jsonl in its folder)",
            hint="what fits: folders of runs of methods that train by epochs, such as prompt",
        )
    ranked = {}
    for task, same in by_task(kept).items():
        ranked[task], aside = whole_sets(bodies(same))
        left_out += aside
    groups = [group for own in ranked.values() for group in own]
    rows = Rows(groups)
    panels = [
        panel
        for own in ranked.values()
        for i, group in enumerate(own)
        for panel in _panels(group, rows, logs, what_differs(group[0], own[0][0]) if i else None)
    ]
    several = any(
        len(replicates(same)) > 1 for group in groups for same in by_row(group, rows).values()
    )
    return Figure(
        panels=tuple(panels),
        notes=("Where a row has several seeds: mean, and from the lowest to the highest.",)
        if several
        else (),
        left_out=tuple(left_out),
    )


def curves(log: Log) -> dict[str, list[tuple[float, float]]]:
    """What a log says, as (epoch, value), by name: losses and validation scores."""
    named: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in log:
        for name, value in line.items():
            if "epoch" in line and ("loss" in name or name.startswith("valid")):
                named[name].append((float(line["epoch"]), float(value)))
    return {name: points for name, points in named.items() if len(points) > 1}


def _values(logs: Iterable[Log]) -> _ByEpoch:
    """What several logs say at each epoch."""
    found: _ByEpoch = defaultdict(lambda: defaultdict(list))
    for log in logs:
        for what, points in curves(log).items():
            for epoch, value in points:
                found[what][epoch].append(value)
    return found


def _panels(
    group: Sequence[Run], rows: Rows, logs: dict[str, Log], note: str | None
) -> list[Panel]:
    named: defaultdict[str, list[Series]] = defaultdict(list)
    for name, same in sorted(by_row(group, rows).items()):
        by_seed: _ByEpoch = defaultdict(lambda: defaultdict(list))
        for repeated in replicates(same):
            for what, once in _values(logs[str(run.folder)] for run in repeated).items():
                for epoch, values in once.items():
                    by_seed[what][epoch].append(fmean(values))
        for what, means in by_seed.items():
            named[what].append(
                Series(
                    name=name,
                    points=tuple(
                        Point(x=x, y=fmean(y), low=min(y), high=max(y), n_runs=len(y))
                        for x, y in sorted(means.items())
                    ),
                )
            )
    record = group[0].record
    shots = shots_of(record)
    few = f", {shots} utterances a class" if shots is not None else ""
    return [
        Panel(
            title=title(record) + few,
            x_label="Epoch",
            y_label=what.replace("_", " ").capitalize(),
            scale="linear",
            series=tuple(series),
            note=note,
        )
        for what, series in sorted(named.items(), reverse=True)
    ]
