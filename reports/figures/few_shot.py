"""`few-shot`: the primary metric against training utterances a class."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from bench.errors import UsageError
from bench.records import Record
from reports.bodies import by_task, clash, shots_of
from reports.comparison import by_row
from reports.figures.by_size import title
from reports.figures.panel import Figure, Panel, Point, Series, bars, by_x, point, y_label
from reports.reading import LeftOut, Run, finished, unfinished
from reports.rows import Rows


def few_shot(runs: Sequence[Run]) -> Figure:
    """A line a method: mean over seeds with its interval, the whole training set at the right end.

    Few-shot runs and runs on the whole set belong together when task version, corpus name and the
    sizes of valid and test agree.

    Raises:
        UsageError: if no run has shots, or two runs drew different utterances by the same seed.
    """
    left_out = unfinished(runs)
    families = []
    for same in by_task(finished(runs)).values():
        by_family: defaultdict[str, list[Run]] = defaultdict(list)
        for run in same:
            by_family[_family(run.record)].append(run)
        for family in by_family.values():
            if any(shots_of(run.record) is not None for run in family):
                families.append(family)
            else:
                left_out.extend(
                    LeftOut(str(run.folder), "no few-shot run has its corpus and test set")
                    for run in family
                )
    if not families:
        raise UsageError(
            "no finished run is few-shot (corpus.notes.shots)",
            hint="what fits: runs of `bench run --shots K --seed S`, for several K and S",
        )
    few = []
    for family in families:
        drawn = [run for run in family if shots_of(run.record) is not None]
        _refuse_clash(drawn)
        lines, aside = _lines(drawn)
        few.append(lines)
        left_out.extend(aside)
    groups_of_few = [group for runs_of in few for group in _by_shots(runs_of)]
    rows = Rows(groups_of_few, others=families)
    panels, groups = [], []
    for few_runs, family in zip(few, families, strict=True):
        whole, note, aside = _whole_set(few_runs, family, rows)
        left_out.extend(aside)
        panels.append(_panel(few_runs, whole, rows, note))
        groups += [*_by_shots(few_runs), whole]
    notes = [f"Settings differ: {line}." for line in rows.settings(groups, _place)]
    return Figure(panels=tuple(panels), notes=(bars(panels), *notes), left_out=tuple(left_out))


def _family(record: Record) -> str:
    corpus = record.corpus
    held_out = sorted((name, n) for name, n in corpus.n.items() if name != "train")
    return json.dumps([record.task.version, corpus.name, held_out])


def _place(record: Record) -> str:
    return f"{record.task.name} {shots_of(record) or 'all'}"


def _lines(few: list[Run]) -> tuple[list[Run], list[LeftOut]]:
    """Leaves out the runs of a sweep over other options than the shots.

    Where a method on a model has a line over several numbers of shots, its other rows with one
    number only are such a sweep; a method on a model that has nothing else keeps its point.
    """
    rows = Rows(_by_shots(few))
    by_model: defaultdict[tuple[str, str], dict[str, list[Run]]] = defaultdict(dict)
    for name, runs in by_row(few, rows).items():
        model = runs[0].record.model
        fingerprint = model.fingerprint if model is not None else ""
        by_model[runs[0].record.method.name, fingerprint][name] = runs
    aside: list[Run] = []
    for named in by_model.values():
        spans = {name: len({shots_of(run.record) for run in runs}) for name, runs in named.items()}
        if max(spans.values()) > 1:
            aside += [run for name, runs in named.items() if spans[name] == 1 for run in runs]
    kept = [run for run in few if run not in aside]
    return kept, [
        LeftOut(str(run.folder), "its method has a line with other options") for run in aside
    ]


def _by_shots(few: Sequence[Run]) -> list[list[Run]]:
    placed = by_x(few, lambda record: shots_of(record) or 0)
    return list(placed.values())


def _refuse_clash(few: Sequence[Run]) -> None:
    found = clash(few)
    if found is not None:
        record = found[0].record
        raise UsageError(
            f"{record.task.name}: two runs with {shots_of(record)} shots and seed {record.seed} "
            f"were trained on different utterances ({found[0].folder}, {found[1].folder})",
            hint=f"there are two contents of corpus {record.corpus.name!r}: give the runs of one",
        )


def _whole_set(
    few: Sequence[Run], family: Sequence[Run], rows: Rows
) -> tuple[list[Run], str | None, list[LeftOut]]:
    """The runs at the right end, why there are none if there could be, and what is left out.

    A row's run on the whole set has the options of its few-shot runs; where it has others (more
    epochs, say), it is taken if it is the only one.
    """
    whole = [run for run in family if shots_of(run.record) is None]
    contents = {run.record.corpus.compared for run in whole}
    if len(contents) > 1:
        names = ", ".join(sorted(content[:8] for content in contents))
        note = f"whole set not shown: there are several ({names}), which do not compare"
        return [], note, [LeftOut(str(run.folder), note) for run in whole]
    taken: list[Run] = []
    few_by_row, whole_by_row = by_row(few, rows), by_row(whole, rows)
    for name, candidates in whole_by_row.items():
        used = [run.record.method.options for run in few_by_row.get(name, [])]
        alike = [run for run in candidates if run.record.method.options in used]
        first = candidates[0].record.method.options
        if alike:
            taken += alike
        elif used and all(run.record.method.options == first for run in candidates):
            taken += candidates
    aside = [
        LeftOut(str(run.folder), "on the whole set, and no few-shot run has its method and options")
        for run in whole
        if run not in taken
    ]
    return taken, None, aside


def _panel(few: Sequence[Run], whole: Sequence[Run], rows: Rows, note: str | None) -> Panel:
    by_name = by_row(few, rows)
    at_end = by_row(whole, rows)
    series = []
    for name in sorted({*by_name, *at_end}):
        points: list[Point] = [
            point(same, x)
            for x, same in by_x(by_name.get(name, []), lambda r: shots_of(r) or 0).items()
        ]
        if name in at_end:
            points.append(point(at_end[name], None))
        series.append(Series(name=name, points=tuple(points)))
    record = few[0].record
    ticks = sorted({p.x for line in series for p in line.points if p.x is not None})
    return Panel(
        title=title(record),
        x_label="Training utterances a class",
        y_label=y_label(few[0]),
        scale="log",
        series=tuple(series),
        ticks=tuple(ticks),
        end=f"all\n({whole[0].record.corpus.n.get('train', 0):,})" if whole else None,
        note=note,
    )
