"""Bodies of data: which runs may stand side by side.

Two runs compare when they were scored on the same data: same task version, same corpus content.
Few-shot runs draw their training utterances by the seed, so there the corpus content differs from
seed to seed; they compare when name, sizes and number of shots agree, unless one seed drew
different utterances in two of them: then the corpora differ, and each content stands alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.records import Record
from reports.reading import Run


def shots_of(record: Record) -> int | None:
    """Training utterances drawn a class; None where the training set is whole."""
    return record.corpus.notes.get("shots")


def subset_of(record: Record) -> int | None:
    """Training utterances of a subset (`--subset`); None where the corpus is whole."""
    return record.corpus.notes.get("subset")


def bodies(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs of one task in groups that compare, the group to show first first.

    Whole training sets come before few shots, few before many, then whole corpora before subsets,
    then the group with the most runs.

    Args:
        runs: finished ones of one task.
    """
    groups: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[_key(run)].append(run)
    parted = []
    for group in groups.values():
        if clash(group) is None:
            parted.append(group)
            continue
        contents: defaultdict[str, list[Run]] = defaultdict(list)
        for run in group:
            contents[run.record.corpus.compared].append(run)
        parted.extend(contents.values())

    def order(group: list[Run]) -> tuple[int, bool, int, int, str, str]:
        record = group[0].record
        corpus = record.corpus
        n_train = corpus.n.get("train", 0)
        shots, subset = shots_of(record) or 0, subset_of(record) is not None
        return (shots, subset, -len(group), -n_train, corpus.name, corpus.compared)

    return sorted(parted, key=order)


def clash(runs: Iterable[Run]) -> tuple[Run, Run] | None:
    """Two runs with the same shots and seed whose utterances differ, if there are any."""
    drawn: dict[tuple[int | None, int], Run] = {}
    for run in runs:
        record = run.record
        other = drawn.setdefault((shots_of(record), record.seed), run)
        if other.record.corpus.compared != record.corpus.compared:
            return other, run
    return None


def by_task(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs by the name of their task, sorted by it."""
    groups: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.record.task.name].append(run)
    return dict(sorted(groups.items()))


def difference(group: Sequence[Run], other: Sequence[Run]) -> str:
    """Why the runs of one body do not stand beside those of another of the same task."""
    return f"{group[0].record.task.name}: {what_differs(group[0], other[0])}"


def what_differs(run: Run, another: Run) -> str:
    """The same without the task's name: what the data of two runs differ in."""
    record, other = run.record, another.record
    few = shots_of(record)
    if record.task.version != other.task.version:
        reason = f"version {record.task.version} of the task, not {other.task.version}"
    elif record.corpus.name != other.corpus.name:
        reason = f"corpus {record.corpus.name!r}, not {other.corpus.name!r}"
    elif few != shots_of(other) and few is not None:
        reason = f"trained on {few} utterances a class"
    elif subset_of(record) != subset_of(other):
        part = subset_of(record)
        reason = "the whole corpus, not a subset" if part is None else f"a subset of {part:,}"
    elif record.corpus.n != other.corpus.n:
        reason = f"{sizes(record)} utterances, not {sizes(other)}"
    elif record.corpus.compared == other.corpus.compared:
        return f"scored by {run.shown} ({run.score.unit}), not {another.shown}"
    else:
        reason = (
            f"another content of corpus {record.corpus.name!r} "
            f"({record.corpus.compared[:8]}, not {other.corpus.compared[:8]})"
        )
    return f"{reason}; scores on different data do not compare"


def sizes(record: Record) -> str:
    """Utterances a split, as text."""
    return " / ".join(f"{name} {n:,}" for name, n in record.corpus.n.items())


def _key(run: Run) -> str:
    corpus, score = run.record.corpus, run.score
    drawn = shots_of(run.record)
    content = corpus.compared if drawn is None else [corpus.name, drawn, sorted(corpus.n.items())]
    measured = [run.shown, score.unit, score.higher_is_better]
    return json.dumps([run.record.task.version, content, measured])
